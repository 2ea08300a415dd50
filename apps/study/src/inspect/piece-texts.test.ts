import { expect, test } from "vitest";
import { pieceTexts } from "./piece-texts.ts";

test("tokens that carry their spaces give the text back", () => {
  const vocabulary = ["The", " cat", " did", "n't", "  ", "\n"];
  const decode = (ids: readonly number[]): string => ids.map((id) => vocabulary[id]).join("");
  const ids = [0, 1, 2, 3, 4, 5, 1, 1, 1, 1, 1, 3];
  expect(pieceTexts(ids, decode)).toEqual(ids.map((id) => vocabulary[id]));
});

test("tokens that a decoder puts spaces between have these before them", () => {
  const decode = (ids: readonly number[]): string => ids.map((id) => `w${id}`).join(" ");
  expect(pieceTexts([3, 1, 2], decode)).toEqual(["w3", " w1", " w2"]);
});

test("a letter whose bytes are in several tokens shows at the last of them", () => {
  const bytes = [...new TextEncoder().encode("aé€b")];
  const decode = (ids: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(ids));
  expect(pieceTexts(bytes, decode)).toEqual(["a", "", "é", "", "", "€", "b"]);
});
