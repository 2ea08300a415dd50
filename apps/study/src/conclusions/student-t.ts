/**
 * The number that a Student's t variable exceeds in absolute value with a probability of 1 - `confidence`: what half an interval is long,
 * in standard errors. 1.96 for 95% and many degrees of freedom, 12.7 for one.
 *
 * @param confidence In (0, 1).
 * @param degrees Degrees of freedom, at least 1.
 */
export function studentT(confidence: number, degrees: number): number {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`studentT: expected a confidence between 0 and 1, got ${confidence}`);
  }
  if (!(degrees >= 1)) throw new RangeError(`studentT: expected at least 1 degree of freedom, got ${degrees}`);
  let [low, high] = [0, 1];
  while (insideShare(high, degrees) < confidence) high *= 2;
  for (let step = 0; step < 200 && high - low > 1e-12 * high; step++) {
    const middle = (low + high) / 2;
    if (insideShare(middle, degrees) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(|T| < t) = 1 - I_x(degrees / 2, 1 / 2), x = degrees / (degrees + t^2). */
function insideShare(t: number, degrees: number): number {
  return 1 - incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/** The regularized incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below the mean; above it, its mirror image does.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a;
  // Lentz's method: numerators and denominators as ratios, so that nothing overflows.
  let [c, d] = [1, 1 / (1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m < 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * fraction;
}

/** ln Gamma(x), x > 0: Stirling's series after the argument was raised to where it is exact enough. */
function logGamma(x: number): number {
  let below = 0;
  while (x < 12) below += Math.log(x++);
  const y = 1 / (x * x);
  const series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - below;
}
