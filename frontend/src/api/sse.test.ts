import { describe, expect, it } from "vitest";
import { SseParser, readFrames, type SseFrame } from "./sse";

function parse(...pieces: string[]): SseFrame[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe("SseParser", () => {
  it("reads id, event and data", () => {
    expect(parse('id: 7\nevent: document\ndata: {"a":1}\n\n')).toEqual([{ id: "7", event: "document", data: '{"a":1}' }]);
  });

  it("gives the same frames however the text is cut", () => {
    const text = 'id: 1\r\ndata: "ä€𝄞"\r\n\r\n: heartbeat\r\n\r\nid: 2\r\ndata: two\r\ndata: lines\r\n\r\n';
    const whole = parse(text);
    expect(whole.map((frame) => frame.data)).toEqual(['"ä€𝄞"', "two\nlines"]);
    for (let cut = 1; cut < text.length; cut += 1) expect(parse(text.slice(0, cut), text.slice(cut))).toEqual(whole);
    expect(parse(...text.split(""))).toEqual(whole);
  });

  it("keeps the last id for frames without one, and sends nothing for a comment", () => {
    const frames = parse("id: 3\ndata: a\n\n: heartbeat\n\ndata: b\n\n");
    expect(frames.map((frame) => [frame.id, frame.data])).toEqual([
      ["3", "a"],
      ["3", "b"],
    ]);
  });

  it("waits for the blank line that ends a frame", () => {
    const parser = new SseParser();
    expect(parser.push("data: x\n")).toEqual([]);
    expect(parser.push("\n")).toHaveLength(1);
  });

  it("takes off one space only", () => {
    expect(parse("data:  x\n\n")[0]?.data).toBe(" x");
    expect(parse("data:x\n\n")[0]?.data).toBe("x");
  });
});

describe("readFrames", () => {
  it("decodes characters split between chunks", async () => {
    const bytes = new TextEncoder().encode("data: Öl 𝄞\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    const frames: SseFrame[] = [];
    for await (const frame of readFrames(new Response(body))) frames.push(frame);
    expect(frames.map((frame) => frame.data)).toEqual(["Öl 𝄞"]);
  });
});
