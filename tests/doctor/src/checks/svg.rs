//! Just enough of SVG to recognize it and to read its size.

/// The attributes of the root element, if the root is `svg`.
pub(crate) fn root(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    // A declaration, comments and a document type may precede it.
    for (start, end) in [
        ("<?", "?>"),
        ("<!--", "-->"),
        ("<!DOCTYPE", ">"),
        ("<!--", "-->"),
    ] {
        while let Some(inside) = rest.strip_prefix(start) {
            rest = inside.split_once(end)?.1.trim_start();
        }
    }
    let (attributes, _) = rest.strip_prefix("<svg")?.split_once('>')?;
    attributes
        .starts_with(|c: char| c.is_ascii_whitespace())
        .then_some(attributes)
}

/// Width and height of the viewBox, or otherwise of the picture.
pub(crate) fn size(root: &str) -> Option<(f64, f64)> {
    let (width, height) = match attribute(root, "viewBox") {
        Some(view_box) => {
            let numbers = view_box.split([' ', ',', '\t', '\n', '\r']);
            let mut numbers = numbers.filter(|it| !it.is_empty()).skip(2);
            (number(numbers.next()?)?, number(numbers.next()?)?)
        }
        None => (
            number(attribute(root, "width")?)?,
            number(attribute(root, "height")?)?,
        ),
    };
    (width > 0.0 && height > 0.0).then_some((width, height))
}

fn number(text: &str) -> Option<f64> {
    text.trim().trim_end_matches("px").parse().ok()
}

fn attribute<'a>(root: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = root;
    while let Some((before, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|it| matches!(it, '"' | '\''))?;
        let (value, following) = after.strip_prefix(quote)?.split_once(quote)?;
        if before.trim() == name {
            return Some(value);
        }
        rest = following;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(f64, f64)>) {
        assert_eq!(root(text).and_then(size), expected, "{text}");
    }

    #[test]
    fn the_root_element_gives_the_size() {
        check(r#"<svg viewBox="0 0 24 24"/>"#, Some((24.0, 24.0)));
        check(
            "<svg\n xmlns='x' viewBox = '0,0, 240.5,80'>",
            Some((240.5, 80.0)),
        );
        check(r#"<svg width="40px" height="20">"#, Some((40.0, 20.0)));
        check(r#"<svg width="1em" viewBox="-1 -1 8 8">"#, Some((8.0, 8.0)));
        let before =
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- an icon -->\n<!DOCTYPE svg PUBLIC \"x\">\n";
        check(
            &format!("{before}<!-- again --><svg viewBox=\"0 0 1 1\">"),
            Some((1.0, 1.0)),
        );
    }

    #[test]
    fn other_documents_and_svgs_without_a_size_give_none() {
        for text in [
            "",
            "\u{89}PNG",
            "<html><svg viewBox=\"0 0 1 1\">",
            "<svgx viewBox=\"0 0 1 1\">",
            "<svg>",
            "<svg viewBox=\"0 0 0 0\">",
            "<svg viewBox=\"0 0 24\">",
            "<svg data-viewBox=\"0 0 1 1\" width=\"100%\" height=\"100%\">",
            "<svg viewBox=0>",
            "<!-- <svg viewBox=\"0 0 1 1\">",
        ] {
            check(text, None);
        }
    }
}
