// What is wrong with the texts that the graph view paints: those that lie on another, and those that the canvas cuts off.

const proto = CanvasRenderingContext2D.prototype;
const plain = proto.fillText;
const texts = [];
proto.fillText = function (text, x, y) {
  if (this.canvas.isConnected) {
    const width = this.measureText(text).width;
    const left = this.textAlign === 'right' ? x - width : this.textAlign === 'center' ? x - width / 2 : x;
    const middle = this.textBaseline === 'top' ? y + 5 : y;
    const matrix = this.getTransform();
    const corners = [
      [left, middle - 3.5],
      [left + width, middle - 3.5],
      [left + width, middle + 3.5],
      [left, middle + 3.5],
    ].map(([px, py]) => [matrix.a * px + matrix.c * py + matrix.e, matrix.b * px + matrix.d * py + matrix.f]);
    texts.push({text, corners, canvas: this.canvas});
  }
  return plain.apply(this, arguments);
};
try {
  headwater.graphView.paintNow();
} finally {
  proto.fillText = plain;
}
const apart = (p, q) =>
  [p, q].some(({corners}) =>
    [0, 1].some(i => {
      const axis = [corners[i + 1][1] - corners[i][1], corners[i][0] - corners[i + 1][0]];
      const length = Math.hypot(...axis) || 1;
      const range = ({corners: all}) => {
        const at = all.map(([x, y]) => (x * axis[0] + y * axis[1]) / length);
        return [Math.min(...at), Math.max(...at)];
      };
      const [a, b] = [range(p), range(q)];
      return a[1] < b[0] + 0.5 || b[1] < a[0] + 0.5;
    }),
  );
const problems = [];
if (texts.length === 0) problems.push('no name is painted');
texts.forEach((p, i) => {
  if (p.corners.some(([x, y]) => x < -1 || y < -1 || x > p.canvas.width + 1 || y > p.canvas.height + 1))
    problems.push(`“${p.text}” is cut off by the canvas`);
  for (const q of texts.slice(i + 1)) if (!apart(p, q)) problems.push(`“${p.text}” is painted on “${q.text}”`);
});
return problems.slice(0, 12);
