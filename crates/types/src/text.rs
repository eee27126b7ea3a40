//! Strings that came from the chain are hostile: they may hold terminal escapes, direction marks or a megabyte.

/// Longest text from outside that is shown or stored, in characters.
pub const PRINTABLE_CHARS_MAX: usize = 120;

/// `text` made safe for a terminal, a log line and a page: control characters, escapes and direction marks become
/// `\u{…}`, and what is longer than [`PRINTABLE_CHARS_MAX`] is cut and says so.
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == PRINTABLE_CHARS_MAX {
            out.push_str("… [cut]");
            break;
        }
        if is_plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

/// Whether a character shows as itself: no control character, escape, direction mark or invisible one.
pub fn is_plain(c: char) -> bool {
    let invisible = matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_made_visible() {
        let cases = [
            ("USDC", "USDC"),
            ("\x1b[2J\x1b[31mPAUSED", "\\u{1b}[2J\\u{1b}[31mPAUSED"),
            ("a\nb\rc", "a\\u{a}b\\u{d}c"),
            ("\u{202e}CDSU", "\\u{202e}CDSU"),
            ("Zażółć 日本", "Zażółć 日本"),
        ];
        for (raw, shown) in cases {
            assert_eq!(printable(raw), shown);
        }
        assert!(printable(&"x".repeat(1 << 20)).chars().count() < 140);
    }
}
