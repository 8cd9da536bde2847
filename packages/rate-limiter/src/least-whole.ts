/**
 * The least whole number from 1 to `most` for which something holds that holds for all larger ones, too;
 * `most` when it holds for none. Begins at a guess: a good one takes two questions, a bad one some more, and
 * none a walk in steps of one.
 */
export function leastWhole(guess: number, most: number, holds: (n: number) => boolean): number {
  let high = Math.min(Math.max(1, guess), most);
  let low = 0;
  if (holds(high)) {
    for (let step = 1; high - step > low; step *= 2) {
      if (holds(high - step)) high -= step;
      else low = high - step;
    }
  } else {
    for (let step = 1; low < high && high < most; step *= 2) {
      low = high;
      high = Math.min(most, low + step);
      if (holds(high)) break;
    }
  }
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
