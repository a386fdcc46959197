//! Bytes of a name to text, whatever charset they are in.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, WINDOWS_1252};

/// The text of bytes that say nothing of their charset: UTF-8, also where it was once taken for Latin-1, else the
/// charset that is most likely by the letters and the top-level domain (lower case, no dots) of the server.
pub(super) fn text(bytes: &[u8], tld: Option<&str>) -> String {
    if let Ok(text) = str::from_utf8(bytes) {
        return read_again(text).unwrap_or_else(|| text.to_owned());
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let charset = detector.guess(tld.map(str::as_bytes), Utf8Detection::Deny);
    charset.decode_without_bom_handling(bytes).0.into_owned()
}

/// The text of bytes in the charset they are said to be in; `None` if that is unknown or they are not.
pub(super) fn labelled_text(label: &[u8], bytes: &[u8]) -> Option<String> {
    let charset = Encoding::for_label_no_replacement(label)?;
    let text = charset.decode_without_bom_handling_and_without_replacement(bytes)?;
    // Any bytes are Latin-1, so servers that say so without a look are caught out only by this.
    let again = if charset == WINDOWS_1252 { read_again(&text) } else { None };
    Some(again.unwrap_or_else(|| text.into_owned()))
}

/// The UTF-8 that a text was before it was taken for Latin-1 or Windows-1252 (`Ã¤` for `ä`), if it was. Several
/// such letters in a row that by chance make UTF-8 are not found in names.
fn read_again(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    String::from_utf8(text.chars().map(western_byte).collect::<Option<_>>()?).ok()
}

fn western_byte(c: char) -> Option<u8> {
    if let Ok(latin) = u8::try_from(c) {
        return Some(latin);
    }
    let mut room = [0; 4];
    let (bytes, _, is_unmappable) = WINDOWS_1252.encode(c.encode_utf8(&mut room));
    if is_unmappable { None } else { bytes.first().copied() }
}
