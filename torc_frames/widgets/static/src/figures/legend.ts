// What colours mean, at the upper right.
import type { Box, Pen } from "./canvas";
import { plain } from "./words";

const MOST = 6;

export function legend(pen: Pen, labels: string[], colour: (at: number) => string, { left, width }: Box, isSquare: (at: number) => boolean = () => false) {
  let right = left + width;
  labels.slice(0, MOST).map((label, at) => [plain(label), at] as const).reverse().forEach(([label, at]) => {
    const wide = Math.min(90, pen.wide(label));
    if (right - wide - 14 < left) return;
    pen.text(label, right, 12, { align: "right", most: 90 });
    const { g } = pen;
    g.fillStyle = colour(at);
    g.beginPath();
    if (isSquare(at)) g.rect(right - wide - 12, 8.5, 7, 7);
    else pen.circle(right - wide - 9, 12, 4);
    g.fill();
    right -= wide + 26;
  });
}
