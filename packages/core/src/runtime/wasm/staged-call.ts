import { checkExtent, floatsOf, type BiasTensor, type MaskTensor, type Strides, type Tensor } from "../../tensor.ts";
import { packReaches } from "../../schedule/reach.ts";
import { STORED_BYTES, STORED_CODE } from "../../stored.ts";
import { programsOf } from "../programs.ts";
import type { AttentionJob, Runtime, RuntimeBuffer } from "../runtime.ts";
import { type Arena, OPERANDS, SPARE_BYTES } from "./arena.ts";
import { planCall, type CallUse } from "./call-plan.ts";
import { copyBox, packedStrides, type Box } from "./copies.ts";
import { JOB, JOB_BEGIN, JOB_END } from "./job-layout.ts";
import type { KernelExports } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { stagePrograms } from "./stage-programs.ts";
import { addressIn, WasmBuffer } from "./wasm-buffer.ts";
import type { Wave, WavePlan } from "./wave-plan.ts";
import type { Panel, WaveWork, WaveWorks } from "./wave-work.ts";

/** Where a call reads or writes an operand: the tensor's own place in linear memory, or a region it is copied to or from. */
interface Place {
  readonly address: number;
  readonly strides: Strides;
}

/** One call in linear memory: what is copied where, and the Job that the kernels see. */
export class StagedCall {
  readonly plan: WavePlan;
  readonly jobAddress: number;
  /** Threads that the call has scratch for. */
  readonly threads: number;
  readonly #job: AttentionJob;
  readonly #memory: LinearMemory;
  readonly #arena: Arena;
  readonly #works: WaveWorks;
  readonly #group: number;
  /** Addresses of programs, 0 for none. */
  readonly #programs: { readonly mask: number; readonly score: number };
  readonly #resident: Readonly<Record<"q" | "k" | "v" | "out", number | undefined>>;

  constructor(job: AttentionJob, owner: Runtime, memory: LinearMemory, kernels: KernelExports, use: CallUse) {
    const { positions, schedule, scores } = job;
    const at = (view: Tensor): number | undefined => addressIn(owner, view);
    this.#job = job;
    this.#memory = memory;
    this.#group = job.shape.kvHeads === 0 ? 1 : job.shape.heads / job.shape.kvHeads;
    // Turned queries stand where the others do.
    const q0 = job.turned === undefined ? at(job.q) : undefined;
    this.#resident = { q: q0, k: at(job.k), v: at(job.v), out: at(job.out) };
    const { q, k, v, out } = this.#resident;
    const copies = { q: q === undefined, k: k === undefined, v: v === undefined, out: out === undefined };
    const { plan, works, arena, units, threads } = planCall(job, copies, kernels, use);
    this.plan = plan;
    this.threads = threads;
    this.#works = works;
    this.#arena = arena;
    arena.base = memory.allocate(arena.bytes);
    this.jobAddress = arena.at("job");

    const ints = memory.ints();
    ints.set(positions.queryOffset, arena.at("queryOffset") / 4);
    ints.set(positions.keyLength, arena.at("keyLength") / 4);
    ints.set(schedule.indices, arena.at("indices") / 4);
    ints.set(packReaches(schedule.reaches), arena.at("reaches") / 4);
    this.#programs = stagePrograms(programsOf(job), memory, arena.at("programs"), kernels);
    if (works.tasksAtOnce) ints.set(units.tasks, arena.at("tasks") / 4);
    if (scores.learnedSinks !== undefined) memory.floats().set(scores.learnedSinks, arena.at("sinks") / 4);
  }

  /** Index of `Job.next` among the memory's ints. */
  get nextIndex(): number {
    return this.jobAddress / 4 + JOB.next;
  }

  /** Copies a wave's queries in, and its units and tasks. */
  begin(wave: Wave): WaveWork {
    const work = this.#fromFirstKey(this.#works.work(wave));
    const ints = this.#memory.ints();
    ints.set(work.units, this.#arena.at("units") / 4);
    if (work.tasks !== undefined) ints.set(work.tasks, this.#arena.at("tasks") / 4);
    ints.fill(0, this.#arena.at("joins") / 4, this.#arena.at("joins") / 4 + this.#arena.joinCount);
    if (this.#resident.q === undefined) {
      const { from, to } = wave.rows;
      const { q, turned = [] } = this.#job;
      [q, ...turned].forEach((queries, operand) => {
        const region = this.#arena.at(OPERANDS[operand]!);
        this.#copyIn("q", queries, region, this.#rowBox(wave, queries.width), wave, from, to);
      });
    }
    return work;
  }

  /** Panels begin at round numbers, but not before the first row of k. */
  #fromFirstKey(work: WaveWork): WaveWork {
    const { firstKey = 0 } = this.#job;
    if (firstKey === 0) return work;
    return { ...work, panels: work.panels.map((panel) => ({ ...panel, first: Math.max(panel.first, firstKey) })) };
  }

  /** Copies a panel's keys and values in, and what is added to or masked from its pairs. */
  stage(wave: Wave, panel: Panel, buffer: number): void {
    const { k, v, scores } = this.#job;
    const { first, end } = panel;
    if (this.#resident.k === undefined) {
      this.#copyIn("k", k, this.#arena.inPanel("k", buffer), this.#keyBox(wave, panel, k.width), wave, first, end);
    }
    if (this.#resident.v === undefined) {
      this.#copyIn("v", v, this.#arena.inPanel("v", buffer), this.#keyBox(wave, panel, v.width), wave, first, end);
    }
    if (scores.bias !== undefined) {
      const { at, box, strides, from } = this.#pairBox(scores.bias, "bias", wave, panel);
      const region = this.#optional(this.#arena.inPanel("bias", buffer), 4, strides, wave);
      copyBox(this.#memory.floats(), region / 4, strides, scores.bias.data, from, at, box);
    }
    if (scores.mask !== undefined) {
      const { at, box, strides, from } = this.#pairBox(scores.mask, "mask", wave, panel);
      const region = this.#optional(this.#arena.inPanel("mask", buffer), 1, strides, wave);
      copyBox(this.#memory.bytes(), region, strides, scores.mask.data, from, at, box);
    }
  }

  /** Writes the Job of one panel of a wave. */
  write(wave: Wave, work: WaveWork, panel: Panel, buffer: number): void {
    const { shape, schedule, scores, lse, stored, turned = [] } = this.#job;
    const arena = this.#arena;
    const ints = this.#memory.ints();
    const floats = this.#memory.floats();
    const word = this.jobAddress / 4;
    const set = (field: keyof typeof JOB, value: number): void => {
      ints[word + JOB[field]] = value;
    };
    const setTensor = (name: "q" | "k" | "v" | "out", place: Place): void => {
      set(name, place.address);
      set(`${name}B`, place.strides.b);
      set(`${name}H`, place.strides.h);
      set(`${name}N`, place.strides.n);
    };
    setTensor("q", this.#rowPlace("q", this.#job.q, arena.at("q"), wave));
    turned.forEach((queries, i) => {
      const operand = OPERANDS[i + 1]!;
      set(operand, this.#rowPlace("q", queries, arena.at(operand), wave).address);
    });
    set("operands", 1 + turned.length);
    setTensor("out", this.#rowPlace("out", this.#job.out, arena.at("out"), wave));
    setTensor("k", this.#keyPlace("k", this.#job.k, arena.inPanel("k", buffer), wave, panel));
    setTensor("v", this.#keyPlace("v", this.#job.v, arena.inPanel("v", buffer), wave, panel));

    const lseStrides = packedStrides(this.#rowBox(wave, 1), ROWS_INSIDE);
    const optional = (region: number, bytes: number, strides: Strides): number =>
      shifted(this.#optional(region, bytes, strides, wave), bytes, strides, wave.batch.from, this.#firstHead(wave));
    set("lse", lse === undefined ? 0 : optional(arena.at("lse"), 4, lseStrides));
    set("lseB", lseStrides.b);
    set("lseH", lseStrides.h);
    for (const [name, term, address, bytes] of [
      ["bias", scores.bias, arena.inPanel("bias", buffer), 4],
      ["mask", scores.mask, arena.inPanel("mask", buffer), 1],
    ] as const) {
      const strides = term === undefined ? NO_STRIDES : this.#pairBox(term, name, wave, panel).strides;
      set(name, term === undefined ? 0 : optional(address, bytes, strides));
      set(`${name}B`, strides.b);
      set(`${name}H`, strides.h);
      set(`${name}N`, strides.n);
    }
    set("learnedSinks", scores.learnedSinks === undefined ? 0 : arena.at("sinks"));
    set("sinkB", 0);
    set("queryOffset", arena.at("queryOffset"));
    set("keyLength", arena.at("keyLength"));
    set("tasks", arena.at("tasks"));
    set("units", arena.at("units"));
    set("states", this.plan.streams ? arena.at("states") : 0);
    set("slots", arena.at("slots"));
    set("joins", arena.at("joins"));
    set("scratch", arena.at("scratch"));
    set("stateFloats", arena.stateFloats);
    set("slotFloats", arena.slotFloats);
    set("scratchFloats", arena.scratchFloats);
    set("D", shape.headDim);
    set("E", shape.valueDim);
    set("rowBase", wave.rows.from);
    set("keyBase", panel.first - (this.#job.firstKey ?? 0));
    set("keyLo", panel.from);
    set("keyHi", panel.to);
    set("indices", schedule.indices.length === 0 ? 0 : arena.at("indices"));
    set("reaches", arena.at("reaches"));
    set("maskProgram", this.#programs.mask);
    set("scoreProgram", this.#programs.score);
    for (const [name, rows] of [
      ["k", stored?.k],
      ["v", stored?.v],
    ] as const) {
      set(name === "k" ? "keyType" : "valueType", STORED_CODE[rows?.type ?? "f32"]);
      set(`${name}Scale`, rows?.scales === undefined ? 0 : scalesAddress(rows.scales) + 4 * panel.first);
      set(`${name}ScaleB`, shape.kvHeads * this.#job.k.length);
      set(`${name}ScaleH`, this.#job.k.length);
    }
    set("phase", (panel === work.panels[0] ? JOB_BEGIN : 0) | (panel === work.panels.at(-1) ? JOB_END : 0));
    set("gathered", schedule.gathered === true ? 1 : 0);
    set("scoring", 0);
    set("unitCount", work.unitCount);
    floats[word + JOB.scale] = scores.scale;
    floats[word + JOB.softcap] = scores.softcap;
    set("next", 0);
  }

  /** Copies a wave's results out. */
  end(wave: Wave): void {
    const { out, lse, shape } = this.#job;
    const floats = this.#memory.floats();
    const head = this.#firstHead(wave);
    // Rows between those of a strided schedule belong to other waves: what lies there is not to be copied.
    const runs = wave.whole ? [wave.rows] : this.#works.rowsOf(wave);
    for (const { from, to } of runs) {
      const skip = from - wave.rows.from;
      if (this.#resident.out === undefined) {
        checkExtent("wasm runtime", "out", out);
        const box = this.#rowBox(wave, out.width);
        const strides = packedStrides(box, out.strides);
        const target = out.offset + wave.batch.from * out.strides.b + head * out.strides.h + from * out.strides.n;
        const source = this.#arena.at("out") / 4 + skip * strides.n;
        copyBox(floatsOf(out), target, out.strides, floats, source, strides, { ...box, rows: to - from });
      }
      if (lse !== undefined) {
        const box = this.#rowBox(wave, 1);
        const strides = packedStrides(box, ROWS_INSIDE);
        const all: Strides = { b: shape.heads * shape.queries, h: shape.queries, n: 1 };
        const target = wave.batch.from * all.b + head * all.h + from;
        const source = this.#optional(this.#arena.at("lse"), 4, strides, wave) / 4 + skip;
        copyBox(lse, target, all, floats, source, strides, { ...box, rows: to - from });
      }
    }
  }

  free(): void {
    this.#memory.free(this.#arena.base);
  }

  #firstHead(wave: Wave): number {
    return wave.kvHeads.from * this.#group;
  }

  /** A region that kernels see shifted. They take address 0 for "not given": where it would come out, the region's spare room is used. */
  #optional(region: number, bytes: number, strides: Strides, wave: Wave): number {
    const seen = shifted(region, bytes, strides, wave.batch.from, this.#firstHead(wave));
    return seen % 2 ** 32 === 0 ? region + SPARE_BYTES : region;
  }

  #rowBox(wave: Wave, width: number): Box {
    return {
      batch: wave.batch.to - wave.batch.from,
      heads: (wave.kvHeads.to - wave.kvHeads.from) * this.#group,
      rows: wave.rows.to - wave.rows.from,
      width,
    };
  }

  #keyBox(wave: Wave, panel: Panel, width: number): Box {
    return {
      batch: wave.batch.to - wave.batch.from,
      heads: wave.kvHeads.to - wave.kvHeads.from,
      rows: panel.end - panel.first,
      width,
    };
  }

  #copyIn(what: "q" | "k" | "v", view: Tensor, address: number, box: Box, wave: Wave, from: number, to: number): void {
    if (to <= from) return;
    // The call may have waited since its inputs were checked: buffers can be transferred or shrink meanwhile.
    checkExtent("wasm runtime", what, view);
    const head = what === "q" ? this.#firstHead(wave) : wave.kvHeads.from;
    const { strides } = view;
    const row = what === "q" ? from : from - (this.#job.firstKey ?? 0);
    const source = view.offset + wave.batch.from * strides.b + head * strides.h + row * strides.n;
    const packed = packedStrides(box, strides);
    copyBox(this.#memory.floats(), address / 4, packed, floatsOf(view), source, strides, box);
  }

  #rowPlace(name: "q" | "out", view: Tensor, region: number, wave: Wave): Place {
    const own = this.#resident[name];
    if (own !== undefined) return { address: own + 4 * wave.rows.from * view.strides.n, strides: view.strides };
    const strides = packedStrides(this.#rowBox(wave, view.width), view.strides);
    return { address: shifted(region, 4, strides, wave.batch.from, this.#firstHead(wave)), strides };
  }

  #keyPlace(name: "k" | "v", view: Tensor, region: number, wave: Wave, panel: Panel): Place {
    const own = this.#resident[name];
    if (own !== undefined) {
      const bytes = STORED_BYTES[this.#job.stored?.[name].type ?? "f32"];
      return { address: own + bytes * panel.first * view.strides.n, strides: view.strides };
    }
    const strides = packedStrides(this.#keyBox(wave, panel, view.width), view.strides);
    return { address: shifted(region, 4, strides, wave.batch.from, wave.kvHeads.from), strides };
  }

  /** What a panel needs of a bias or a mask: where it starts, its strides there and packed; broadcast axes have stride 0. */
  #pairBox(term: BiasTensor | MaskTensor, what: string, wave: Wave, panel: Panel) {
    const [B, H, N] = term.shape;
    const full = this.#rowBox(wave, panel.end - panel.first);
    const box: Box = {
      ...full,
      batch: B === 1 ? 1 : full.batch,
      heads: H === 1 ? 1 : full.heads,
      rows: N === 1 ? 1 : full.rows,
    };
    const at: Strides = term.strides;
    const packed = packedStrides(box, ROWS_INSIDE);
    const strides: Strides = {
      b: B === 1 ? 0 : packed.b,
      h: H === 1 ? 0 : packed.h,
      n: N === 1 ? 0 : packed.n,
    };
    const [b, h, n] = [
      B === 1 ? 0 : wave.batch.from,
      H === 1 ? 0 : this.#firstHead(wave),
      N === 1 ? 0 : wave.rows.from,
    ];
    const from = term.offset + b * at.b + h * at.h + n * at.n + panel.first;
    if (term.data.length === 0 && box.batch * box.heads * box.rows * box.width > 0) {
      throw new RangeError(`wasm runtime: the array of ${what} is empty; was its buffer transferred during the call?`);
    }
    return { box, at, strides, from };
  }
}

const NO_STRIDES: Strides = { b: 0, h: 0, n: 0 };
const ROWS_INSIDE: Strides = { b: 0, h: 1, n: 0 };

/**
 * Address for kernels that count batch elements and heads from 0, of a region that begins at others. It may lie outside of the memory;
 * arithmetic modulo 2^32 brings what is read back into it.
 */
function shifted(region: number, bytes: number, strides: Strides, batch: number, head: number): number {
  return region - bytes * (batch * strides.b + head * strides.h);
}

function scalesAddress(scales: RuntimeBuffer): number {
  if (scales instanceof WasmBuffer) return scales.address;
  throw new TypeError("wasm runtime: the scales of a cache lie outside of its memory");
}
