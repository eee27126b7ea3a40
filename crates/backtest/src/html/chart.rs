//! Charts as inline SVG. Lines differ by colour and by dashes.

use super::text::escape;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 42.0;
/// Most lines of one chart; more cannot be told apart.
pub const LINES_MAX: usize = 6;

/// A line and its name.
pub struct Line {
    /// Name, for the key.
    pub name: String,
    /// Both in [0, 1]: from left to right and from bottom to top.
    pub points: Vec<(f64, f64)>,
    /// Whether it goes in steps: the value holds until the next point.
    pub is_stepped: bool,
}

/// An axis: what it shows, and where its marks are, in [0, 1].
pub struct Axis {
    /// What it shows.
    pub title: &'static str,
    /// Place in [0, 1] and text.
    pub marks: Vec<(f64, String)>,
}

/// A chart; `about` says in words what it shows.
pub fn chart(about: &str, x: &Axis, y: &Axis, lines: &[Line]) -> String {
    let mut out = format!(
        "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        escape(about)
    );
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (place, text) in &y.marks {
        let at = height(*place);
        out.push_str(&format!(
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 6.0,
            at + 4.0,
            escape(text)
        ));
    }
    for (place, text) in &x.marks {
        let at = width(*place);
        let anchor = if *place > 0.97 { "end" } else { "middle" };
        out.push_str(&format!(
            "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
            bottom + 16.0,
            escape(text)
        ));
    }
    out.push_str(&format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
        f64::midpoint(LEFT, right),
        HEIGHT - 6.0,
        escape(x.title)
    ));
    for (index, line) in lines.iter().take(LINES_MAX).enumerate() {
        out.push_str(&format!("<path class=\"line l{index}\" d=\"{}\"/>\n", path(line)));
    }
    out.push_str("</svg><figcaption>");
    out.push_str(&escape(y.title));
    for (index, line) in lines.iter().take(LINES_MAX).enumerate() {
        out.push_str(&format!(
            "<span class=\"key\"><svg viewBox=\"0 0 30 8\"><path class=\"line l{index}\" d=\"M0 4H30\"/></svg>{}</span>",
            escape(&line.name)
        ));
    }
    out.push_str("</figcaption></figure>\n");
    out
}

fn path(line: &Line) -> String {
    let mut path = String::new();
    for (index, (x, y)) in line.points.iter().enumerate() {
        let (x, y) = (width(*x), height(*y));
        match index {
            0 => path.push_str(&format!("M{x:.1} {y:.1}")),
            _ if line.is_stepped => path.push_str(&format!("H{x:.1}V{y:.1}")),
            _ => path.push_str(&format!("L{x:.1} {y:.1}")),
        }
    }
    if line.points.len() == 1 {
        // A single point has no length: a short stroke shows it.
        path.push_str("h6");
    }
    path
}

fn width(place: f64) -> f64 {
    LEFT + place.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}

fn height(place: f64) -> f64 {
    TOP + (1.0 - place.clamp(0.0, 1.0)) * (HEIGHT - TOP - BOTTOM)
}

/// Marks at 0, 25 … 100 %.
pub fn percent_axis(title: &'static str) -> Axis {
    let marks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|at: f64| (at, format!("{:.0} %", at * 100.0)));
    Axis { title, marks: marks.to_vec() }
}
