import type { Message } from "@/api/types";

/** Messages form a tree: an edit or a regeneration makes a sibling. One path through it is shown at a time. */
export type Messages = ReadonlyMap<string, Message>;
/** Which child is shown below a parent (`ROOT` for the first message). Without an entry the newest is. */
export type Choices = ReadonlyMap<string, string>;

export const ROOT = "";

export function parentKey(parentId: string | null): string {
  return parentId ?? ROOT;
}

/** Children by parent, each list oldest first. Insertion order breaks ties, because the server sends the oldest first. */
export function childrenOf(messages: Messages): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const message of messages.values()) {
    const key = parentKey(message.parent_id);
    const list = children.get(key);
    if (list === undefined) children.set(key, [message.id]);
    else list.push(message.id);
  }
  return children;
}

/** A message on the shown path, with its place among its siblings. */
export interface PathItem {
  message: Message;
  siblings: string[];
  index: number;
}

export function shownPath(messages: Messages, choices: Choices): PathItem[] {
  const children = childrenOf(messages);
  const path: PathItem[] = [];
  let key = ROOT;
  for (;;) {
    const siblings = children.get(key);
    if (siblings === undefined) return path;
    const chosen = choices.get(key);
    const found = chosen === undefined ? -1 : siblings.indexOf(chosen);
    const index = found === -1 ? siblings.length - 1 : found;
    const message = messages.get(siblings[index] ?? "");
    if (message === undefined) return path;
    path.push({ message, siblings, index });
    key = message.id;
  }
}

/** Choices that show `id`, all the way up from it. */
export function choose(messages: Messages, choices: Choices, id: string): Choices {
  const next = new Map(choices);
  let message = messages.get(id);
  while (message !== undefined) {
    next.set(parentKey(message.parent_id), message.id);
    message = message.parent_id === null ? undefined : messages.get(message.parent_id);
  }
  return next;
}
