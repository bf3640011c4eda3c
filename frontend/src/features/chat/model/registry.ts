import { ConversationModel } from "./conversation";

/** Conversations opened since sign-in, so that going back to one shows it at once and a running answer is not lost from view. */
const open = new Map<string, ConversationModel>();
const KEEP = 12;
let draft: ConversationModel | null = null;
let listener: () => void = () => undefined;

/** Called whenever the list of conversations may have changed. */
export function onConversationsChange(next: () => void): void {
  listener = next;
}

export function conversation(id: string): ConversationModel {
  const found = open.get(id);
  if (found !== undefined) return found;
  const model = new ConversationModel(id);
  model.onChange = () => listener();
  keep(id, model);
  return model;
}

/** The conversation that begins with the next question. It stays the same until it has got its id and was shown under it. */
export function draftConversation(): ConversationModel {
  if (draft === null) {
    const model = new ConversationModel(null);
    model.onChange = () => {
      const { id } = model.store.get();
      if (id !== null && !open.has(id)) keep(id, model);
      listener();
    };
    draft = model;
  }
  return draft;
}

/** The draft is now shown under its own address; the next new conversation is another one. */
export function settleDraft(id: string): void {
  if (draft?.store.get().id === id) draft = null;
}

export function forgetConversation(id: string): void {
  open.get(id)?.dispose();
  open.delete(id);
}

export function forgetConversations(): void {
  for (const model of open.values()) model.dispose();
  open.clear();
  draft?.dispose();
  draft = null;
  typed.clear();
}

function keep(id: string, model: ConversationModel): void {
  open.set(id, model);
  for (const [key, other] of open) {
    if (open.size <= KEEP) break;
    if (other !== model && !other.busy) forgetConversation(key);
  }
}

/** What was typed and not sent, by conversation. */
export const typed = new Map<string, string>();
