import { describe, expect, it } from "vitest";
import type { Message } from "@/api/types";
import { choose, shownPath, type Choices, type Messages } from "./tree";

function tree(...entries: [id: string, parent: string | null][]): Messages {
  return new Map(entries.map(([id, parent_id]) => [id, { id, parent_id } as Message]));
}

function ids(messages: Messages, choices: Choices = new Map()): string[] {
  return shownPath(messages, choices).map((item) => item.message.id);
}

const edited = tree(["q1", null], ["a1", "q1"], ["q2", "a1"], ["a2", "q2"], ["q2b", "a1"], ["a2b", "q2b"], ["q1b", null]);

describe("shownPath", () => {
  it("follows the newest sibling", () => {
    expect(ids(edited)).toEqual(["q1b"]);
  });

  it("follows the choice, and says where among the siblings it stands", () => {
    const choices = choose(edited, new Map(), "a2");
    expect(ids(edited, choices)).toEqual(["q1", "a1", "q2", "a2"]);
    expect(shownPath(edited, choices).map((item) => [item.index, item.siblings.length])).toEqual([
      [0, 2],
      [0, 1],
      [0, 2],
      [0, 1],
    ]);
  });

  it("forgets a choice whose message is gone", () => {
    expect(ids(edited, new Map([["", "deleted"]]))).toEqual(["q1b"]);
  });

  it("shows nothing of an empty conversation", () => {
    expect(ids(new Map())).toEqual([]);
  });
});
