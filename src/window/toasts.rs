//! Short messages at the bottom right: what went wrong with something the user asked for.

use std::time::Duration;

use egui::{Align2, Area, Frame, Id, Order, Ui, ViewportId, vec2};

use super::icons;
use super::theme::{self, Look};

/// The height of a line with its icons.
const LINE: f32 = 28.0;
/// More than this at once is noise.
const MOST: usize = 4;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Something could not be done.
    Error,
    /// Something was done that cannot be seen otherwise.
    Note,
}

impl Weight {
    /// How long it is shown, in seconds.
    const fn stays(self) -> f64 {
        match self {
            Self::Error => 8.0,
            Self::Note => 3.0,
        }
    }

    const fn width(self) -> f32 {
        match self {
            Self::Error => 340.0,
            Self::Note => 230.0,
        }
    }
}

#[derive(Debug)]
struct Toast {
    text: String,
    weight: Weight,
    /// Set when it is first drawn.
    until: Option<f64>,
}

/// The messages shown now.
#[derive(Debug, Default)]
pub(super) struct Toasts {
    toasts: Vec<Toast>,
}

impl Toasts {
    /// Shows a message. The same one twice is one.
    pub(super) fn add(&mut self, text: impl Into<String>, weight: Weight) {
        let text = text.into();
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push(Toast { text, weight, until: None });
        if self.toasts.len() > MOST {
            self.toasts.remove(0);
        }
    }

    /// Draws them, and sees to it that they go.
    pub(super) fn show(&mut self, ui: &Ui) {
        let ctx = ui.ctx();
        let now = ctx.input(|input| input.time);
        for toast in &mut self.toasts {
            toast.until.get_or_insert(now + toast.weight.stays());
        }
        self.toasts.retain(|toast| toast.until.is_none_or(|until| until > now));
        let Some(next) = self.toasts.iter().filter_map(|toast| toast.until).reduce(f64::min) else { return };
        // Only while there is one: at rest nothing is painted.
        ctx.request_repaint_after_for(Duration::from_secs_f64((next - now).max(0.01)), ViewportId::ROOT);
        let mut dismissed = None;
        Area::new(Id::unique("toasts"))
            .order(Order::Tooltip)
            .anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -48.0))
            .show(ctx, |ui| {
                ui.spacing_mut().item_spacing.y = 8.0;
                for (index, toast) in self.toasts.iter().enumerate() {
                    if draw(ui, toast) {
                        dismissed = Some(index);
                    }
                }
            });
        if let Some(index) = dismissed {
            self.toasts.remove(index);
        }
    }
}

fn draw(ui: &mut Ui, toast: &Toast) -> bool {
    let look = Look::of(ui.visuals());
    let (icon, color) = match toast.weight {
        Weight::Error => (icons::WARNING, look.bad.1),
        Weight::Note => (icons::INFO, look.accent_text),
    };
    Frame::popup(ui.style())
        .inner_margin(egui::Margin::symmetric(12, 6))
        .show(ui, |ui| {
            ui.set_width(toast.weight.width());
            ui.horizontal_top(|ui| {
                let (spot, _) = ui.allocate_exact_size(vec2(20.0, LINE), egui::Sense::hover());
                theme::icon(ui, spot.center(), icon, 16.0, color);
                let width = ui.available_width() - 36.0;
                ui.vertical(|ui| {
                    ui.set_width(width);
                    // The first line stands beside the icon, further ones under it.
                    ui.add_space((LINE - ui.text_style_height(&egui::TextStyle::Body)) / 2.0);
                    ui.add(egui::Label::new(&toast.text).wrap());
                });
                theme::icon_button(ui, icons::CLOSE, "Dismiss").clicked()
            })
            .inner
        })
        .inner
}
