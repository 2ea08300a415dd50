/**
 * The `saccade` command, and what a program needs to run studies and read their results.
 *
 * @module
 */
export type {
  Accuracy,
  CellKey,
  CellMemory,
  CellRecord,
  Decode,
  Grid,
  GridInput,
  InputSummary,
  MachineRecord,
  MeasuredCell,
  MeasureSettings,
  NeedleDepth,
  Prefill,
  StudyHeader,
  StudyRecord,
  TaskName,
  TaskScore,
  TextRetrieval,
  UnmeasuredCell,
  VariantSummary,
} from "./cells/record.ts";
export {
  conclude,
  type Conclusions,
  type Crossover,
  type Growth,
  type Limits,
  type Longest,
} from "./conclusions/conclude.ts";
export { cellsOf } from "./grid/grid.ts";
export { shardOf, type Shard } from "./grid/shard.ts";
export { readMachine, type Machine } from "./machine/read-machine.ts";
export { type StudyJson, studyJson, type StudyResults } from "./report/results.ts";
export { renderTable } from "./report/terminal-table.ts";
export { type ReportFiles, writeReport } from "./report/write-report.ts";
export { mergeStudies, type MergedStudy } from "./results/merge-studies.ts";
export { readRecords, type Records } from "./results/read-records.ts";
export { openStudyFolder, type StudyFolder } from "./results/study-folder.ts";
export { PRESETS, type Preset, type PresetName } from "./settings/presets.ts";
export { headerOf, readStudy, type Study, type StudySettings } from "./settings/study.ts";
export { defineStudy, type InputSettings, type StudyFile } from "./settings/study-file.ts";
export { runStudy, type RunHooks, type RunOptions } from "./study/run-study.ts";
