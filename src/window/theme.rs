//! How the window looks: one set of colours for light and one for dark, fonts, spacing.
//!
//! Everything that has a colour takes it from [`Look`]; nothing else may name one. Text colours meet
//! WCAG AA (4.5 : 1) on every ground they stand on, which is tested here.

use std::sync::Arc;

use egui::epaint::text::FontTweak;
use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, RichText, Shadow,
    Stroke, Style, TextStyle, Theme, ThemePreference, Ui, Vec2, Visuals, vec2,
};

use crate::job::Window;

/// The size of body text, in points.
pub(super) const BODY: f32 = 13.0;
/// The size of what explains something else.
pub(super) const SMALL: f32 = 11.0;
/// The size of a dialog's title.
pub(super) const TITLE: f32 = 17.0;
/// The height of buttons and fields.
pub(super) const CONTROL: f32 = 32.0;

/// The colours of one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// Under the list.
    pub ground: Color32,
    /// Under bars, panels and dialogs.
    pub panel: Color32,
    /// A control at rest.
    pub control: Color32,
    /// A control under the pointer.
    pub control_hover: Color32,
    /// Lines between things.
    pub line: Color32,
    /// The selected row or entry.
    pub selected: Color32,
    /// The row under the pointer.
    pub hovered: Color32,
    /// Text.
    pub text: Color32,
    /// Text that explains other text.
    pub weak: Color32,
    /// The one accent: what runs, what is primary, what has the focus.
    pub accent: Color32,
    /// The accent under the pointer.
    pub accent_hover: Color32,
    /// Text and icons in the accent's colour.
    pub accent_text: Color32,
    /// What stands on the accent.
    pub on_accent: Color32,
    /// What others receive, in graphs: beside the accent, and never the only sign.
    pub others: Color32,
    /// Bars and words of the states, in that order.
    pub good: (Color32, Color32),
    /// Waiting.
    pub wait: (Color32, Color32),
    /// Failed.
    pub bad: (Color32, Color32),
    /// Paused.
    pub still: (Color32, Color32),
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const LIGHT: Look = Look {
    ground: rgb(0x00f6_f7f9),
    panel: rgb(0x00ff_ffff),
    control: rgb(0x00ee_f1f5),
    control_hover: rgb(0x00e2_e7ee),
    line: rgb(0x00e3_e6ec),
    selected: rgb(0x00e6_f0ff),
    hovered: rgb(0x00ee_f1f6),
    text: rgb(0x001b_1f27),
    weak: rgb(0x005c_6679),
    accent: rgb(0x001f_6feb),
    accent_hover: rgb(0x0018_5fd0),
    accent_text: rgb(0x0018_5fd0),
    on_accent: rgb(0x00ff_ffff),
    others: rgb(0x00d0_731a),
    good: (rgb(0x001f_9d61), rgb(0x0011_7043)),
    wait: (rgb(0x00cc_8a1f), rgb(0x008a_560a)),
    bad: (rgb(0x00d6_4545), rgb(0x00b8_2c2c)),
    still: (rgb(0x0066_7085), rgb(0x005c_6679)),
};

const DARK: Look = Look {
    ground: rgb(0x0015_171c),
    panel: rgb(0x001b_1e25),
    control: rgb(0x0026_2b36),
    control_hover: rgb(0x0031_3744),
    line: rgb(0x002a_2e38),
    selected: rgb(0x0023_2f45),
    hovered: rgb(0x001d_2129),
    text: rgb(0x00e8_eaf0),
    weak: rgb(0x009c_a3b2),
    accent: rgb(0x005a_a9ff),
    accent_hover: rgb(0x007b_bbff),
    accent_text: rgb(0x006f_b4ff),
    on_accent: rgb(0x0008_1a30),
    others: rgb(0x00ef_9d4f),
    good: (rgb(0x0054_c18a), rgb(0x005f_cb95)),
    wait: (rgb(0x00e9_b949), rgb(0x00e9_b949)),
    bad: (rgb(0x00ef_6f6c), rgb(0x00f5_8481)),
    still: (rgb(0x0092_98a6), rgb(0x00a0_a6b4)),
};

impl Look {
    /// The colours in force.
    pub(super) const fn of(visuals: &Visuals) -> Self {
        if visuals.dark_mode { DARK } else { LIGHT }
    }

    /// The empty part of a bar: translucent, so that it is seen on a selected row too.
    pub(super) fn track(&self) -> Color32 {
        self.weak.gamma_multiply(0.24)
    }

    /// In graphs, under the line in the accent's colour.
    pub(super) fn accent_area(&self) -> Color32 {
        self.accent.gamma_multiply(0.38)
    }

    /// In graphs, under the line of [`Look::others`].
    pub(super) fn others_area(&self) -> Color32 {
        self.others.gamma_multiply(0.38)
    }

    /// A painted stretch of the week: its ground, and its edge and pattern. Words on it are in the text's colour.
    pub(super) fn painted(&self, window: Window) -> (Color32, Color32) {
        match window {
            Window::Work => (self.panel.lerp_to_gamma(self.accent, 0.22), self.accent_text),
            Window::Maintenance => (self.panel.lerp_to_gamma(self.wait.0, 0.16), self.wait.1),
            Window::NonWork => (self.control, self.weak),
        }
    }
}

/// Text that explains other text.
pub(super) fn weak(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).color(Look::of(ui.visuals()).weak)
}

/// Text with weight.
pub(super) fn bold(text: impl Into<String>) -> RichText {
    RichText::new(text).family(semibold())
}

/// The family of [`bold`].
pub(super) fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Draws the buttons inside as the primary ones of their place.
pub(super) fn primary<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let look = Look::of(ui.visuals());
    filled(ui, look.accent, look.accent_hover, look.on_accent, add)
}

/// Draws the buttons inside as ones that destroy something.
pub(super) fn dangerous<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let look = Look::of(ui.visuals());
    let (fill, on) =
        if ui.visuals().dark_mode { (look.bad.0, look.on_accent) } else { (look.bad.1, look.panel) };
    filled(ui, fill, fill.gamma_multiply(0.88), on, add)
}

/// Draws the buttons inside as switches that are on, in the colours of a state.
pub(super) fn switched_on<R>(
    ui: &mut Ui,
    (bar, text): (Color32, Color32),
    add: impl FnOnce(&mut Ui) -> R,
) -> R {
    let panel = Look::of(ui.visuals()).panel;
    let (fill, hover) = (panel.lerp_to_gamma(bar, SWITCHED_ON), panel.lerp_to_gamma(bar, SWITCHED_ON + 0.06));
    filled(ui, fill, hover, text, |ui| {
        ui.visuals_mut().widgets.inactive.bg_stroke = Stroke::new(1.0, bar.gamma_multiply(0.6));
        add(ui)
    })
}

/// How much of a state's colour there is in a switch that is on.
const SWITCHED_ON: f32 = 0.12;

fn filled<R>(ui: &mut Ui, fill: Color32, hover: Color32, on: Color32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let text = Look::of(ui.visuals()).text;
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for (state, fill) in
            [(&mut widgets.inactive, fill), (&mut widgets.hovered, hover), (&mut widgets.active, hover)]
        {
            state.weak_bg_fill = fill;
            state.fg_stroke.color = on;
        }
        // The accent's own edge would not be seen on it.
        widgets.active.bg_stroke = Stroke::new(2.0, text);
        add(ui)
    })
    .inner
}

/// Sets fonts, colours and spacing. Once per window.
pub(super) fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    ctx.options_mut(|options| {
        options.theme_preference = ThemePreference::System;
        options.fallback_theme = Theme::Light;
        // Quitting asks first; the window's own table of actions has the shortcut.
        options.quit_shortcuts.clear();
    });
    for (theme, look) in [(Theme::Light, LIGHT), (Theme::Dark, DARK)] {
        ctx.set_visuals_of(theme, visuals(theme, look));
    }
    ctx.all_styles_mut(measures);
}

/// Goes by what the user has chosen.
pub(super) fn follow(ctx: &Context, chosen: crate::engine::Theme) {
    let preference = match chosen {
        crate::engine::Theme::System => ThemePreference::System,
        crate::engine::Theme::Light => ThemePreference::Light,
        crate::engine::Theme::Dark => ThemePreference::Dark,
    };
    if ctx.options(|options| options.theme_preference) != preference {
        ctx.set_theme(preference);
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, data: &'static [u8], tweak: FontTweak| {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(data).tweak(tweak)));
    };
    add("inter", include_bytes!("../../assets/fonts/Inter-Regular.otf"), FontTweak::default());
    add("inter-semibold", include_bytes!("../../assets/fonts/Inter-SemiBold.otf"), FontTweak::default());
    // Phosphor's glyphs hang a little high beside Inter's capitals.
    let tweak = FontTweak { scale: 1.15, y_offset_factor: 0.02, ..FontTweak::default() };
    add("phosphor", include_bytes!("../../assets/fonts/Phosphor.ttf"), tweak);
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for (family, first) in [(FontFamily::Proportional, "inter"), (semibold(), "inter-semibold")] {
        let mut names = vec![first.to_owned(), "phosphor".to_owned()];
        names.extend(fallback.iter().cloned());
        fonts.families.insert(family, names);
    }
    fonts
}

fn measures(style: &mut Style) {
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(SMALL)),
        (TextStyle::Body, FontId::proportional(BODY)),
        (TextStyle::Button, FontId::proportional(BODY)),
        (TextStyle::Heading, FontId::new(TITLE, semibold())),
        (TextStyle::Monospace, FontId::monospace(12.0)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 8.0);
    spacing.button_padding = vec2(12.0, 6.0);
    spacing.interact_size = vec2(CONTROL, CONTROL);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(20);
    spacing.icon_width = 18.0;
    spacing.icon_width_inner = 10.0;
    spacing.combo_width = 120.0;
    spacing.scroll.floating_allocated_width = 0.0;
    style.animation_time = 0.0;
    style.scroll_animation = egui::style::ScrollAnimation::none();
    // Text in the window is for reading; what can be copied has its own button.
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
}

fn visuals(theme: Theme, look: Look) -> Visuals {
    let mut v = theme.default_visuals();
    v.panel_fill = look.panel;
    v.window_fill = look.panel;
    v.extreme_bg_color = look.control;
    v.text_edit_bg_color = Some(look.control);
    v.faint_bg_color = look.hovered;
    v.window_stroke = Stroke::new(1.0, look.line);
    v.window_corner_radius = CornerRadius::same(12);
    v.menu_corner_radius = CornerRadius::same(8);
    let strength = if theme == Theme::Dark { 110 } else { 40 };
    v.window_shadow =
        Shadow { offset: [0, 12], blur: 40, spread: 0, color: Color32::from_black_alpha(strength) };
    v.popup_shadow =
        Shadow { offset: [0, 4], blur: 16, spread: 0, color: Color32::from_black_alpha(strength) };
    v.hyperlink_color = look.accent_text;
    v.warn_fg_color = look.wait.1;
    v.error_fg_color = look.bad.1;
    v.weak_text_color = Some(look.weak);
    v.selection.bg_fill = look.accent.gamma_multiply(0.28);
    v.selection.stroke = Stroke::new(1.0, look.accent_text);
    // A blinking cursor costs two frames a second.
    v.text_cursor.blink = false;
    v.text_cursor.stroke = Stroke::new(1.5, look.accent);
    v.slider_trailing_fill = true;
    v.striped = false;
    v.disabled_alpha = 0.45;

    let radius = CornerRadius::same(6);
    let w = &mut v.widgets;
    for state in [&mut w.noninteractive, &mut w.inactive, &mut w.hovered, &mut w.active, &mut w.open] {
        state.corner_radius = radius;
        state.expansion = 0.0;
        state.fg_stroke = Stroke::new(1.2, look.text);
        state.bg_stroke = Stroke::NONE;
        state.bg_fill = look.control;
        state.weak_bg_fill = look.control;
    }
    w.noninteractive.bg_stroke = Stroke::new(1.0, look.line);
    w.noninteractive.bg_fill = look.panel;
    for state in [&mut w.hovered, &mut w.active, &mut w.open] {
        state.bg_fill = look.control_hover;
        state.weak_bg_fill = look.control_hover;
    }
    // Also drawn around what has the keyboard.
    w.active.bg_stroke = Stroke::new(1.5, look.accent);
    v
}

/// A name in a column of its own: what stands behind it begins at the same place in every line.
pub(super) fn named(ui: &mut Ui, width: f32, name: RichText) {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let height = ui.available_height().min(20.0);
    ui.allocate_ui_with_layout(vec2(width, height), layout, |ui| {
        ui.set_min_width(width);
        ui.add(egui::Label::new(name).truncate());
    });
}

/// Lets the bar be seen where there is more, though the pointer is elsewhere.
pub(super) fn show_scroll_bar(ui: &mut Ui) {
    let scroll = &mut ui.spacing_mut().scroll;
    scroll.dormant_handle_opacity = scroll.active_handle_opacity;
    scroll.dormant_background_opacity = scroll.active_background_opacity;
}

/// A choice out of a list, with the window's own arrow.
pub(super) fn combo<'a>(name: &str, chosen: String) -> egui::ComboBox<'a> {
    egui::ComboBox::from_id_salt(name).selected_text(chosen).width(120.0).icon(|ui, rect, visuals, _| {
        let font = FontId::proportional(12.0);
        let icon = super::icons::FOLD_OPEN;
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icon, font, visuals.text_color());
    })
}

/// An icon, painted around a point.
pub(super) fn icon(ui: &mut Ui, at: egui::Pos2, icon: char, size: f32, color: Color32) {
    ui.painter().text(at, egui::Align2::CENTER_CENTER, icon, FontId::proportional(size), color);
}

/// A button that is only an icon; `name` is what it is called where it cannot be seen.
pub(super) fn icon_button(ui: &mut Ui, icon: char, name: &str) -> egui::Response {
    let size: Vec2 = vec2(28.0, 28.0);
    let button = egui::Button::new(RichText::new(icon).size(15.0)).frame_when_inactive(false).min_size(size);
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = vec2(5.0, 4.0);
        ui.add(button).accessible_name(name).on_hover_text(name)
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.1, relative luminance.
    fn luminance(color: Color32) -> f64 {
        let part = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(color.r()) + 0.7152 * part(color.g()) + 0.0722 * part(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_ground() {
        for (theme, look) in [("light", LIGHT), ("dark", DARK)] {
            for (what, text) in [
                ("text", look.text),
                ("weak", look.weak),
                ("accent", look.accent_text),
                ("good", look.good.1),
                ("wait", look.wait.1),
                ("bad", look.bad.1),
                ("still", look.still.1),
            ] {
                for ground in [look.ground, look.panel, look.selected, look.hovered, look.control] {
                    let ratio = contrast(text, ground);
                    assert!(ratio >= 4.5, "{theme} {what} on {ground:?}: {ratio:.2}");
                }
            }
            for (bar, text) in [look.wait, (look.accent, look.accent_text)] {
                let ratio = contrast(text, look.panel.lerp_to_gamma(bar, SWITCHED_ON));
                assert!(ratio >= 4.5, "{theme} switch: {ratio:.2}");
            }
            for window in Window::ALL {
                let (ground, mark) = look.painted(window);
                let (words, edge) = (contrast(look.text, ground), contrast(mark, ground));
                assert!(words >= 4.5 && edge >= 3.0, "{theme} {window}: {words:.2}, {edge:.2}");
            }
            for ground in [look.ground, look.panel] {
                let ratio = contrast(look.others, ground).min(contrast(look.accent, ground));
                assert!(ratio >= 3.0, "{theme} graphs on {ground:?}: {ratio:.2}");
            }
            let ratio = contrast(look.on_accent, look.accent);
            assert!(ratio >= 4.5, "{theme} on accent: {ratio:.2}");
        }
    }
}
