import type { StudyResults } from "./results.ts";
import { machineName } from "./names.ts";
import { brief, bytes, counted, digits, seconds, tokens } from "./units.ts";

/** A heading with what stands below it, as names and values. */
export interface SettingsGroup {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

/** Everything that it takes to repeat a study. */
export function settingsOf({ study, machines, cells }: StudyResults): SettingsGroup[] {
  const { grid } = study;
  const { measure } = grid;
  const measured = cells.filter((cell) => cell.status === "measured");
  const methods = unique(measured.map((cell) => cell.memory.method));
  return [
    {
      title: "Grid",
      rows: [
        ["study", study.name],
        ["hash of the grid", study.gridHash],
        ["lengths", grid.lengths.map(String).join(", ")],
        ["variants", grid.variants.join(", ")],
        ["runtimes", grid.runtimes.join(", ")],
        ["causal", String(grid.causal)],
        ["seed", String(grid.seed)],
        ["timed", `${brief(seconds(1000 * measure.timeSeconds))} or ${counted(measure.repeats, "call")} of each cell`],
        ["decoding", measure.decodeSteps === 0 ? "not measured" : `${counted(measure.decodeSteps, "step")} timed`],
        ["accuracy", measure.sampledRows === 0 ? "not measured" : `on ${counted(measure.sampledRows, "query row")}`],
        [
          "needles",
          measure.needleDepths.length === 0
            ? "none"
            : `${measure.needleTrials} at each of the depths ${measure.needleDepths.join(", ")}`,
        ],
        ["tasks", measure.tasks.join(", ") || "none"],
        [
          "limits of a cell",
          `${brief(seconds(1000 * measure.cellSeconds))}, ${measure.cellBytes === undefined ? "the memory that is free" : brief(bytes(measure.cellBytes))}`,
        ],
        ["threads", measure.threads === undefined ? "all cores" : String(measure.threads)],
        ["peak memory from", methods.join("; ") || "nothing measured"],
      ],
    },
    ...Object.entries(study.inputs).map(([name, input]) => ({
      title: `Input ${name}`,
      rows: [
        ["what", input.description],
        [
          "sizes",
          `${counted(input.heads, "query head")} on ${counted(input.kvHeads, "key head")}, D = ${input.headDim}, E = ${input.valueDim}`,
        ],
        ["settings", JSON.stringify(grid.inputs[name] ?? null)],
      ] as const,
    })),
    ...machines.map((machine) => {
      const own = measured.filter((cell) => cell.machine === machine.id);
      const ran = unique(
        own.map(({ ran: each }) => `${each.runtime}, ${each.instructionSet}, ${counted(each.threads, "thread")}`),
      );
      const notTaken = unique(own.flatMap((cell) => cell.ran.notTaken));
      return {
        title: machines.length > 1 ? capital(machineName(machines, machine.id)) : "Machine",
        rows: [
          ["command", machine.command],
          ["date", machine.date],
          ["processor", `${machine.cpu}, ${counted(machine.cores, "core")}`],
          ["memory", bytes(machine.memoryBytes)],
          ["system", machine.os],
          ["Node", machine.node],
          [
            "@saccade/core",
            machine.commit === undefined ? machine.saccade : `${machine.saccade}, commit ${machine.commit}`,
          ],
          [
            "reaches",
            `${digits(machine.peakGflops)} GFLOP/s, ${digits(machine.peakGflopsOneThread)} with one thread; ${digits(machine.readGBs)} GB/s`,
          ],
          ["cells", `${own.length} measured; lengths to ${tokens(Math.max(0, ...own.map((cell) => cell.length)))}`],
          ["ran on", ran.join("; ") || "nothing measured"],
          ["not taken, and why", notTaken.join("; ") || "nothing"],
        ] as const,
      };
    }),
  ];
}

/** Paths of variants in the report: id, package, family, description. */
export function variantRows({ study }: StudyResults): string[][] {
  return study.grid.variants.map((id) => {
    const variant = study.variants[id];
    if (variant === undefined) return [id, "–", "–", "–", "–"];
    const result = variant.exact ? "dense attention's" : variant.needsTraining ? "needs training" : "its own";
    return [id, variant.family, variant.description, variant.packageName, result];
  });
}

export const VARIANT_HEAD: readonly string[] = ["variant", "family", "what it does", "package", "result"];

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
