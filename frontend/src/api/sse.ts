/** One frame of a server-sent event stream. */
export interface SseFrame {
  id: string | null;
  event: string;
  data: string;
}

/** An incremental parser for `text/event-stream`, after the HTML standard. Feed it decoded text in any pieces. */
export class SseParser {
  private rest = "";
  private data: string[] = [];
  private event = "";
  private id: string | null = null;

  push(text: string): SseFrame[] {
    const frames: SseFrame[] = [];
    this.rest += text;
    let start = 0;
    for (;;) {
      const found = nextLineEnd(this.rest, start);
      if (found === null) break;
      this.line(this.rest.slice(start, found.end), frames);
      start = found.next;
    }
    this.rest = this.rest.slice(start);
    return frames;
  }

  private line(line: string, frames: SseFrame[]): void {
    if (line === "") {
      if (this.data.length > 0) {
        frames.push({ id: this.id, event: this.event === "" ? "message" : this.event, data: this.data.join("\n") });
      }
      this.data = [];
      this.event = "";
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    let value = colon === -1 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
  }
}

/** A line ends with LF, CR LF or CR. A CR at the very end may be half of CR LF, so it waits for more. */
function nextLineEnd(text: string, from: number): { end: number; next: number } | null {
  for (let index = from; index < text.length; index += 1) {
    const character = text[index];
    if (character === "\n") return { end: index, next: index + 1 };
    if (character === "\r") {
      if (index + 1 === text.length) return null;
      return { end: index, next: text[index + 1] === "\n" ? index + 2 : index + 1 };
    }
  }
  return null;
}

/** Frames of a response body, until it ends. Rejects when the connection breaks. */
export async function* readFrames(response: Response): AsyncGenerator<SseFrame> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Also when the consumer stops early: the server then sees the disconnect at once.
    await reader.cancel().catch(() => undefined);
  }
}
