import { Problem } from "@/api/problem";
import type { Message } from "@/api/types";

/** Why an answer came to nothing. A run's error holds the detail and, after a semicolon, what would make it allowed. */
export function problemOfMessage(message: Pick<Message, "error">): Problem {
  const { code, detail } = message.error ?? { code: "internal", detail: "" };
  const at = detail.indexOf("; ");
  if (at === -1) return new Problem({ code, detail });
  return new Problem({ code, detail: detail.slice(0, at), remedy: detail.slice(at + 2) });
}
