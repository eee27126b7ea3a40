//! Special functions: the log-gamma, the incomplete beta function and its inverse, the normal quantile.
//!
//! Total: an argument outside of the stated domain gives NaN, never a panic. Sources: Lanczos' series for the
//! log-gamma; the continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz' method; the series and
//! the continued fraction of the normal tail (Abramowitz & Stegun 26.2.11 and 26.2.14). Inverses by bisection.

/// Steps of a bisection: halves an interval of 1 down to the last bit of a double near 1e-18.
const BISECTION_STEPS: usize = 110;
/// Steps of the continued fraction. It needs about √max(a, b).
const FRACTION_STEPS_MAX: usize = 4_096;
const TINY: f64 = 1e-300;

/// Lanczos' coefficients for g = 7, n = 9.
const LANCZOS: [f64; 8] = [
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

/// ln Γ(x) for x ≥ 0.5, relative error about 1e-14.
fn ln_gamma(x: f64) -> f64 {
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    let mut shift = 1.0;
    for coefficient in LANCZOS {
        sum += coefficient / (x + shift);
        shift += 1.0;
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The distribution function of Beta(a, b) at x, for a, b ≥ 0.5; 0 below and 1 above `[0, 1]`.
pub(crate) fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut over = 1.0;
    let mut under = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = under;
    for step in 1..=FRACTION_STEPS_MAX {
        let step = step as f64;
        let double = a + 2.0 * step;
        let even = step * (b - step) * x / ((double - 1.0) * double);
        let odd = -(a + step) * (a + b + step) * x / (double * (double + 1.0));
        let mut factor = 1.0;
        for term in [even, odd] {
            under = 1.0 / away_from_zero(1.0 + term * under);
            over = away_from_zero(1.0 + term / over);
            factor = under * over;
            fraction *= factor;
        }
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// The smallest x with P(Beta(a, b) ≤ x) ≥ p, rounded up in the last bits: an upper bound stays one.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    rises_above(p, 0.0, 1.0, |x| beta_cdf(a, b, x))
}

/// Where a rising function crosses `wanted`, approached from above.
pub(crate) fn rises_above(wanted: f64, low: f64, high: f64, rising: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..BISECTION_STEPS {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if rising(middle) >= wanted {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// P(Z > z) of a standard normal Z.
pub(crate) fn normal_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - normal_tail(-z);
    }
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 3.0 {
        // The series around 0.
        let mut term = z;
        let mut sum = z;
        let mut odd = 1.0;
        while term > 1e-17 * sum {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    // The continued fraction z + 1/(z + 2/(z + 3/…)), from its far end.
    let mut fraction = z;
    for m in (1..=60).rev() {
        fraction = z + f64::from(m) / fraction;
    }
    density / fraction
}

/// The z with P(Z > z) = p; held within ±38, where a double's tail ends. NaN for NaN.
pub(crate) fn normal_upper_quantile(p: f64) -> f64 {
    if p.is_nan() {
        return p;
    }
    if p > 0.5 {
        return -normal_upper_quantile(1.0 - p);
    }
    rises_above(-p, 0.0, 38.0, |z| -normal_tail(z))
}

#[cfg(test)]
mod tests;
