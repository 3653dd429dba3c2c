//! The copy for the case file as PDF/A-2b (ISO 19005-2), which archives take: the lines that an officer reads, page by page.
//!
//! The JSON beside it has the whole, byte for byte; this is what can be read without a program of ours.

use jiff::Timestamp;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::Point;
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::text::{Font, TextDirection};
use krilla::{Document, SerializeSettings};

use crate::failure::Failure;

/// DejaVu Sans Mono, whose licence lies beside it: Latin, Greek, Cyrillic and parts of Arabic.
const FONT: &[u8] = include_bytes!("../data/DejaVuSansMono.ttf");
/// A4, in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 50.0;
const FONT_SIZE: f32 = 9.0;
const LINE_HEIGHT: f32 = 12.0;
/// What a line and a page hold within the margins.
const LINE_CHARACTERS: usize = 90;
const PAGE_LINES: usize = 58;
/// Stands for a character that the font lacks.
const LACKING: char = '\u{fffd}';

/// The copy: `title` stands on every page and in the metadata, so it holds no personal data.
pub fn pdf(title: &str, lines: &[String], made: Timestamp) -> Result<Vec<u8>, Failure> {
    let broken = || Failure::unexpected("the copy for the case file cannot be made");
    let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A2_B).finish().map_err(|_| broken())?;
    let font = Font::new(FONT.to_vec().into(), 0).ok_or_else(broken)?;
    let shown = shown(lines).ok_or_else(broken)?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let pages: Vec<&[String]> = shown.chunks(PAGE_LINES).collect();
    for (index, page_lines) in pages.iter().enumerate() {
        let mut sheet = document.start_page_with(PageSettings::from_wh(PAGE.0, PAGE.1).ok_or_else(broken)?);
        let mut surface = sheet.surface();
        let footing = format!("{title}, page {} of {}", index + 1, pages.len());
        let mut down = MARGIN;
        for line in page_lines.iter().chain([&String::new(), &footing]) {
            surface.draw_text(Point::from_xy(MARGIN, down), font.clone(), FONT_SIZE, line, false, TextDirection::Auto);
            down += LINE_HEIGHT;
        }
        surface.finish();
        sheet.finish();
    }
    document.set_metadata(Metadata::new().title(title.to_owned()).language(String::from("sv")).creation_date(date_time(made)));
    document.finish().map_err(|_| broken())
}

fn date_time(at: Timestamp) -> DateTime {
    let at = at.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let date = DateTime::new(u16::try_from(at.year()).unwrap_or_default()).month(part(at.month())).day(part(at.day()));
    date.hour(part(at.hour())).minute(part(at.minute())).second(part(at.second())).utc_offset_hour(0).utc_offset_minute(0)
}

/// The lines as they fit, with a stand-in for what the font lacks, and a note where there is one.
fn shown(lines: &[String]) -> Option<Vec<String>> {
    let face = ttf_parser::Face::parse(FONT, 0).ok()?;
    let drawn = |letter: char| if letter.is_control() || face.glyph_index(letter).is_none() { LACKING } else { letter };
    let mut shown: Vec<String> = Vec::new();
    for line in lines.iter().flat_map(|line| line.lines()) {
        let letters: Vec<char> = line.trim_end().chars().map(drawn).collect();
        if letters.is_empty() {
            shown.push(String::new());
        }
        shown.extend(letters.chunks(LINE_CHARACTERS).map(|part| part.iter().collect::<String>()));
    }
    if shown.iter().any(|line| line.contains(LACKING)) {
        shown.push(format!("{LACKING} stands for characters that this copy cannot show; the JSON beside it holds them."));
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_that_it_is_an_archives_pdf_embeds_its_font_and_breaks_into_pages() {
        let lines: Vec<String> = (0..130).map(|number| format!("{number} Åsa Öberg, ring 09-11 på jobbet")).collect();
        let bytes = pdf("BR-7Q3K-M2XW", &lines, "2026-11-26T12:00:00Z".parse().unwrap()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.7"));
        for wanted in ["<pdfaid:part>2</pdfaid:part>", "<pdfaid:conformance>B</pdfaid:conformance>", "/FontFile", "/OutputIntent", "BR-7Q3K-M2XW"] {
            assert!(text.contains(wanted), "{wanted}");
        }
        assert_eq!(text.matches("/Type/Page/").count() + text.matches("/Type /Page\n").count(), 3);
    }

    #[test]
    fn what_the_font_lacks_is_shown_as_lacking_and_said() {
        let shown = shown(&[String::from("\u{1f600} 電話"), "x".repeat(200)]).unwrap();
        assert_eq!(shown[0], "\u{fffd} \u{fffd}\u{fffd}");
        assert_eq!(shown[1..4].iter().map(String::len).collect::<Vec<_>>(), [90, 90, 20]);
        assert!(shown[4].contains("the JSON beside it holds them"));
    }
}
