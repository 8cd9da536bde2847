/**
 * A plain array that V8 keeps as unboxed doubles: the first value makes it one, whole numbers put in
 * later do not end it. For few numbers it costs a fifth of a typed array.
 */
export function unboxedNumbers(length: number): number[] {
  return new Array<number>(length).fill(0.5);
}
