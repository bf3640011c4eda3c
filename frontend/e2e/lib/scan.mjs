// A page that is a picture, as a scanner makes it: text drawn by the browser, as a JPEG in a PDF without any text.
import { browser } from "./harness.mjs";

/** A4 at 200 dots per inch. */
const PIXELS = { width: 1654, height: 2339 };
const POINTS = { width: 595.28, height: 841.89 };

/** Draws paragraphs; returns the PDF and, for each paragraph, where it stands as shares of the page. */
export async function scanOf(paragraphs) {
  const page = await (await browser()).newPage({ viewport: PIXELS });
  await page.setContent(`<body style="margin:180px;font:36px/1.5 serif;background:#fff;color:#111">${paragraphs.map((text) => `<p><span>${text}</span></p>`).join("")}</body>`);
  const picture = await page.screenshot({ type: "jpeg", quality: 80 });
  const rectangles = await page.locator("span").evaluateAll((spans) => spans.map((span) => span.getBoundingClientRect().toJSON()));
  await page.close();
  const places = rectangles.map(({ x, y, width, height }) => ({ left: x / PIXELS.width, top: y / PIXELS.height, right: (x + width) / PIXELS.width, bottom: (y + height) / PIXELS.height }));
  return { pdf: pdfOf(picture), places };
}

function pdfOf(jpeg) {
  const drawing = `q ${POINTS.width} 0 0 ${POINTS.height} 0 0 cm /S Do Q`;
  const objects = [
    ["<</Type/Catalog/Pages 2 0 R>>"],
    ["<</Type/Pages/Kids[3 0 R]/Count 1>>"],
    [`<</Type/Page/Parent 2 0 R/MediaBox[0 0 ${POINTS.width} ${POINTS.height}]/Resources<</XObject<</S 5 0 R>>>>/Contents 4 0 R>>`],
    [`<</Length ${drawing.length}>>`, Buffer.from(drawing)],
    [`<</Type/XObject/Subtype/Image/Width ${PIXELS.width}/Height ${PIXELS.height}/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode/Length ${jpeg.length}>>`, jpeg],
  ];
  const parts = [Buffer.from("%PDF-1.4\n")];
  const starts = [];
  let length = parts[0].length;
  const add = (part) => {
    parts.push(Buffer.from(part));
    length += parts.at(-1).length;
  };
  for (const [index, [head, stream]] of objects.entries()) {
    starts.push(length);
    add(`${index + 1} 0 obj\n${head}\n`);
    if (stream !== undefined) [`stream\n`, stream, `\nendstream\n`].forEach(add);
    add("endobj\n");
  }
  const table = length;
  add(`xref\n0 ${starts.length + 1}\n0000000000 65535 f \n${starts.map((start) => `${String(start).padStart(10, "0")} 00000 n \n`).join("")}`);
  add(`trailer<</Size ${starts.length + 1}/Root 1 0 R>>\nstartxref\n${table}\n%%EOF\n`);
  return Buffer.concat(parts);
}
