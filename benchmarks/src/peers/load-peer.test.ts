import { expect, test } from "vitest";
import { loadPeer } from "./load-peer.ts";

test("a peer that is absent is reported as such, with the command that brings it", async () => {
  await expect(loadPeer("an-attention-that-nobody-published")).rejects.toThrow(
    "not installed: an-attention-that-nobody-published (pnpm peers:install)",
  );
});
