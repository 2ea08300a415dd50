export type { Cell, Measurement } from "./measure/measurement.ts";
export type { GaussianSpec, InputSpec, Retrieval, SafetensorsSpec, TextSpec } from "./input/input.ts";
export type { TargetMass } from "./measure/target-mass.ts";
export { renderMarkdown, type ChartFile } from "./report/markdown.ts";
export { renderTable } from "./report/table.ts";
export { readEnvironment, type Environment } from "./study/environment.ts";
export { PRESETS, type Preset, type PresetName, type StudyOptions } from "./study/options.ts";
export type { CellRecord, MeasuredCell, StudyHeader, StudyRecord, UnmeasuredCell } from "./study/record.ts";
export { RETRIEVAL_BOUND, runStudy, type StudyHooks, type StudyResult } from "./study/run-study.ts";
export {
  conclude,
  type Conclusions,
  type Crossover,
  type Growth,
  type Limits,
  type Longest,
} from "./conclusions/conclude.ts";
export { type StudyJson, studyJson, type StudyResults } from "./report/results.ts";
export { type ReportFiles, writeReport } from "./report/write-report.ts";
