/** A chart with what else it takes to understand it. */
export interface Figure {
  /** Part of ids and anchors. */
  readonly id: string;
  readonly title: string;
  /** What is seen, for those who do not see it. */
  readonly description: string;
  /** How to read it. */
  readonly caption: string;
  /** SVG of about this width. */
  readonly draw: (width: number) => string;
  /** The numbers that are drawn. */
  readonly table: TableData;
  readonly legend: readonly LegendEntry[];
  /** Whether the legend is there on wide pages as well, where lines have their names beside them. */
  readonly legendAlways?: boolean;
}

export interface TableData {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface LegendEntry {
  readonly name: string;
  /** SVG of the mark. */
  readonly key: string;
}
