import { createContext, useContext } from "react";
import type { ConversationModel } from "./model/conversation";

export interface ChatContextValue {
  model: ConversationModel;
  /** A run is going on, so nothing else can be asked. */
  busy: boolean;
  source: { messageId: string; number: number } | null;
  openSource: (key: string | null) => void;
}

export const ChatContext = createContext<ChatContextValue | null>(null);

export function useChat(): ChatContextValue {
  const value = useContext(ChatContext);
  if (value === null) throw new Error("useChat outside of a chat page");
  return value;
}
