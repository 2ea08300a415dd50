import { type ExpressionValue, type Score, score } from "@saccade/core";

/** A value of a graph as a part of a template of Saccade's expressions. */
export interface Term {
  readonly type: "number" | "boolean";
  /** The template's texts; between them stand the values. */
  readonly texts: readonly string[];
  readonly values: readonly ExpressionValue[];
  /** The number, where it is the same at every pair. */
  readonly constant?: number;
}

/** A number that is worth what a score is worth. Scores may stand in many places without being parsed again. */
export function scoreTerm(value: Score): Term {
  return { type: "number", texts: ["(", ")"], values: [value] };
}

/** A template from its texts and values, as a term. */
export function term(type: Term["type"], texts: readonly string[], ...values: readonly ExpressionValue[]): Term {
  const whole: Term = { type, texts: parenthesised(texts), values };
  return type === "number" ? scoreTerm(scoreOf(whole)) : whole;
}

/** A template whose holes are terms. */
export function compose(type: Term["type"], texts: readonly string[], operands: readonly Term[]): Term {
  const parts: string[] = [texts[0]!];
  const values: ExpressionValue[] = [];
  for (const [i, operand] of operands.entries()) {
    for (const [j, text] of operand.texts.entries()) {
      if (j === 0) parts[parts.length - 1] += text;
      else parts.push(text);
    }
    values.push(...operand.values);
    parts[parts.length - 1] += texts[i + 1]!;
  }
  return term(type, parts, ...values);
}

/** A number as a score of its own. */
export function scoreOf({ texts, values }: Term): Score {
  return score(Object.assign([...texts], { raw: texts }), ...values);
}

const parenthesised = (texts: readonly string[]): string[] => {
  const parts = [...texts];
  parts[0] = `(${parts[0]!}`;
  parts[parts.length - 1] += ")";
  return parts;
};
