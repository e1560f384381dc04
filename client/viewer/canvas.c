/*
 * The widget that shows an image. It keeps the point of the image that is in its middle, and
 * draws one texture, of the visible part of the image.
 */
#include "client/viewer/canvas.h"

#include <math.h>

/* The chequerboard's squares, and the smallest side of the widget, in pixels of GTK's. */
enum { SQUARE = 8, SIDE_MIN = 64 };

static const double zoom_min = 1.0 / 64, zoom_max = 256, wheel_step = 1.25;

struct _ViewerCanvas {
	GtkWidget parent;
	struct picture *picture;
	GdkTexture *drawn; /* of the part that was drawn last; its place and zoom are: */
	graphene_rect_t drawn_part;
	double drawn_zoom;
	double zoom;		     /* 0: fitted */
	double x, y;		     /* the point of the image in the middle of the widget */
	double pointer_x, pointer_y; /* the pointer, in pixels of GTK's */
	double drag_x, drag_y;	     /* x and y when dragging began */
	double shown;		     /* the zoom at the last "zoomed" */
	guint emission;		     /* the idle source that will emit "zoomed", or 0 */
};

G_DEFINE_FINAL_TYPE(ViewerCanvas, viewer_canvas, GTK_TYPE_WIDGET)

static guint zoomed;

static double canvas_scale(ViewerCanvas *canvas)
{
	return gtk_widget_get_scale_factor(GTK_WIDGET(canvas));
}

/* Sizes in pixels of the screen. */
static double canvas_width(ViewerCanvas *canvas)
{
	return gtk_widget_get_width(GTK_WIDGET(canvas)) * canvas_scale(canvas);
}

static double canvas_height(ViewerCanvas *canvas)
{
	return gtk_widget_get_height(GTK_WIDGET(canvas)) * canvas_scale(canvas);
}

double viewer_canvas_zoom(ViewerCanvas *canvas)
{
	if (!canvas->picture || canvas->zoom > 0)
		return canvas->picture ? canvas->zoom : 0;
	double fitting = fmin(canvas_width(canvas) / picture_width(canvas->picture),
		canvas_height(canvas) / picture_height(canvas->picture));
	return fmax(fitting, 1e-6);
}

/* In one direction: leaves no gap on one side while the image continues on the other. */
static double canvas_clamp_center(double center, double size, double zoom, double widget)
{
	double half = widget / zoom / 2;
	if (2 * half >= size)
		return size / 2;
	return CLAMP(center, half, size - half);
}

/* In an idle source: the zoom changes while widgets are laid out, when none may change. */
static gboolean canvas_emit_zoomed(gpointer data)
{
	VIEWER_CANVAS(data)->emission = 0;
	g_signal_emit(data, zoomed, 0);
	return G_SOURCE_REMOVE;
}

static void canvas_update(ViewerCanvas *canvas)
{
	if (!canvas->picture)
		return;
	double zoom = viewer_canvas_zoom(canvas);
	canvas->x = canvas_clamp_center(
		canvas->x, picture_width(canvas->picture), zoom, canvas_width(canvas));
	canvas->y = canvas_clamp_center(
		canvas->y, picture_height(canvas->picture), zoom, canvas_height(canvas));
	gtk_widget_queue_draw(GTK_WIDGET(canvas));
	if (canvas->shown != zoom) {
		canvas->shown = zoom;
		if (!canvas->emission)
			canvas->emission = g_idle_add(canvas_emit_zoomed, canvas);
	}
}

/* ---- Drawing, in pixels of the screen ---- */

/* The image's rectangle. Its upper left corner is on a whole pixel, so all edges are sharp. */
static graphene_rect_t canvas_image_rect(ViewerCanvas *canvas, double zoom)
{
	double width = fmax(1, round(picture_width(canvas->picture) * zoom));
	double height = fmax(1, round(picture_height(canvas->picture) * zoom));
	return GRAPHENE_RECT_INIT((float)round(canvas_width(canvas) / 2 - canvas->x * zoom),
		(float)round(canvas_height(canvas) / 2 - canvas->y * zoom), (float)width,
		(float)height);
}

static void canvas_draw_chequers(GtkSnapshot *snapshot, const graphene_rect_t *where, double scale)
{
	static const GdkRGBA light = {0.8f, 0.8f, 0.8f, 1}, dark = {0.6f, 0.6f, 0.6f, 1};
	float side = (float)(SQUARE * scale);
	graphene_rect_t tile = GRAPHENE_RECT_INIT(0, 0, 2 * side, 2 * side);
	gtk_snapshot_push_repeat(snapshot, where, &tile);
	gtk_snapshot_append_color(snapshot, &light, &tile);
	gtk_snapshot_append_color(snapshot, &dark, &GRAPHENE_RECT_INIT(side, 0, side, side));
	gtk_snapshot_append_color(snapshot, &dark, &GRAPHENE_RECT_INIT(0, side, side, side));
	gtk_snapshot_pop(snapshot);
}

/* The texture of the visible part of the picture; the last one if the part is the same. */
static GdkTexture *canvas_get_texture(
	ViewerCanvas *canvas, double zoom, const graphene_rect_t *rect, const graphene_rect_t *seen)
{
	graphene_rect_t part = GRAPHENE_RECT_INIT(seen->origin.x - rect->origin.x,
		seen->origin.y - rect->origin.y, seen->size.width, seen->size.height);
	if (canvas->drawn && canvas->drawn_zoom == zoom &&
		graphene_rect_equal(&canvas->drawn_part, &part))
		return canvas->drawn;
	g_clear_object(&canvas->drawn);
	canvas->drawn = picture_part(canvas->picture, zoom, (gsize)part.origin.x,
		(gsize)part.origin.y, (gsize)part.size.width, (gsize)part.size.height);
	canvas->drawn_zoom = zoom;
	canvas->drawn_part = part;
	return canvas->drawn;
}

static void canvas_draw(ViewerCanvas *canvas, GtkSnapshot *snapshot)
{
	double zoom = viewer_canvas_zoom(canvas);
	graphene_rect_t rect = canvas_image_rect(canvas, zoom), seen;
	graphene_rect_t all =
		GRAPHENE_RECT_INIT(0, 0, (float)canvas_width(canvas), (float)canvas_height(canvas));
	if (!graphene_rect_intersection(&rect, &all, &seen))
		return;
	if (picture_has_alpha(canvas->picture))
		canvas_draw_chequers(snapshot, &seen, canvas_scale(canvas));
	gtk_snapshot_append_texture(
		snapshot, canvas_get_texture(canvas, zoom, &rect, &seen), &seen);
}

static void canvas_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
	ViewerCanvas *canvas = VIEWER_CANVAS(widget);
	if (!canvas->picture)
		return;
	float scale = (float)(1 / canvas_scale(canvas));
	gtk_snapshot_push_clip(
		snapshot, &GRAPHENE_RECT_INIT(0, 0, (float)gtk_widget_get_width(widget),
				  (float)gtk_widget_get_height(widget)));
	gtk_snapshot_scale(snapshot, scale, scale);
	canvas_draw(canvas, snapshot);
	gtk_snapshot_pop(snapshot);
}

static void canvas_measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *min,
	int *natural, int *min_baseline, int *natural_baseline)
{
	(void)widget;
	(void)orientation;
	(void)for_size;
	*min = *natural = SIDE_MIN;
	*min_baseline = *natural_baseline = -1;
}

static void canvas_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
	(void)width;
	(void)height;
	(void)baseline;
	canvas_update(VIEWER_CANVAS(widget));
}

/* ---- Moving ---- */

/* Zooms so that the point of the image under a point of the widget stays there. */
static void canvas_zoom_about(ViewerCanvas *canvas, double factor, double x, double y)
{
	double before = viewer_canvas_zoom(canvas);
	if (before <= 0)
		return;
	double after = CLAMP(before * factor, zoom_min, zoom_max);
	double scale = canvas_scale(canvas);
	double across = x * scale - canvas_width(canvas) / 2,
	       down = y * scale - canvas_height(canvas) / 2;
	canvas->zoom = after;
	canvas->x += across / before - across / after;
	canvas->y += down / before - down / after;
	canvas_update(canvas);
}

void viewer_canvas_fit(ViewerCanvas *canvas)
{
	canvas->zoom = 0;
	canvas_update(canvas);
}

void viewer_canvas_set_zoom(ViewerCanvas *canvas, double zoom)
{
	canvas->zoom = zoom;
	canvas_update(canvas);
}

void viewer_canvas_zoom_by(ViewerCanvas *canvas, double factor)
{
	GtkWidget *widget = GTK_WIDGET(canvas);
	canvas_zoom_about(canvas, factor, gtk_widget_get_width(widget) / 2.0,
		gtk_widget_get_height(widget) / 2.0);
}

void viewer_canvas_pan(ViewerCanvas *canvas, double across, double down)
{
	double zoom = viewer_canvas_zoom(canvas);
	if (zoom <= 0)
		return;
	canvas->x += across * canvas_width(canvas) / zoom;
	canvas->y += down * canvas_height(canvas) / zoom;
	canvas_update(canvas);
}

static gboolean canvas_on_scroll(
	GtkEventControllerScroll *controller, double across, double down, ViewerCanvas *canvas)
{
	(void)controller;
	(void)across;
	canvas_zoom_about(canvas, pow(wheel_step, -down), canvas->pointer_x, canvas->pointer_y);
	return GDK_EVENT_STOP;
}

static void canvas_on_motion(
	GtkEventControllerMotion *controller, double x, double y, ViewerCanvas *canvas)
{
	(void)controller;
	canvas->pointer_x = x;
	canvas->pointer_y = y;
}

static void canvas_on_drag_begin(GtkGestureDrag *gesture, double x, double y, ViewerCanvas *canvas)
{
	(void)gesture;
	(void)x;
	(void)y;
	canvas->drag_x = canvas->x;
	canvas->drag_y = canvas->y;
	gtk_widget_grab_focus(GTK_WIDGET(canvas));
}

static void canvas_on_drag(GtkGestureDrag *gesture, double x, double y, ViewerCanvas *canvas)
{
	(void)gesture;
	double zoom = viewer_canvas_zoom(canvas) / canvas_scale(canvas);
	if (zoom <= 0)
		return;
	canvas->x = canvas->drag_x - x / zoom;
	canvas->y = canvas->drag_y - y / zoom;
	canvas_update(canvas);
}

static gboolean canvas_on_arrow(GtkWidget *widget, GVariant *arguments, gpointer data)
{
	(void)data;
	double across, down;
	g_variant_get(arguments, "(dd)", &across, &down);
	viewer_canvas_pan(VIEWER_CANVAS(widget), across, down);
	return TRUE;
}

/* ---- The widget itself ---- */

void viewer_canvas_show(ViewerCanvas *canvas, struct picture *picture, const char *name)
{
	struct picture *before = canvas->picture;
	if (!before || picture_width(before) != picture_width(picture) ||
		picture_height(before) != picture_height(picture)) {
		canvas->zoom = 0;
		canvas->x = canvas->y = 0;
	}
	g_clear_object(&canvas->drawn);
	canvas->picture = picture_ref(picture);
	picture_unref(before);
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(canvas), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
	canvas_update(canvas);
}

static void canvas_dispose(GObject *object)
{
	g_clear_handle_id(&VIEWER_CANVAS(object)->emission, g_source_remove);
	g_clear_object(&VIEWER_CANVAS(object)->drawn);
	g_clear_pointer(&VIEWER_CANVAS(object)->picture, picture_unref);
	G_OBJECT_CLASS(viewer_canvas_parent_class)->dispose(object);
}

static void viewer_canvas_class_init(ViewerCanvasClass *class)
{
	static const struct {
		guint key;
		double across, down;
	} arrows[] = {{GDK_KEY_Left, -0.1, 0}, {GDK_KEY_Right, 0.1, 0}, {GDK_KEY_Up, 0, -0.1},
		{GDK_KEY_Down, 0, 0.1}};
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
	G_OBJECT_CLASS(class)->dispose = canvas_dispose;
	widget->snapshot = canvas_snapshot;
	widget->measure = canvas_measure;
	widget->size_allocate = canvas_size_allocate;
	gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_IMG);
	for (gsize i = 0; i < G_N_ELEMENTS(arrows); i++)
		gtk_widget_class_add_binding(widget, arrows[i].key, 0, canvas_on_arrow, "(dd)",
			arrows[i].across, arrows[i].down);
	zoomed = g_signal_new("zoomed", VIEWER_TYPE_CANVAS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
		G_TYPE_NONE, 0);
}

/* A frame around the image while it has the focus; GTK draws none for widgets of others. */
static void canvas_style(GtkWidget *widget)
{
	static const char frame[] = "*:focus-visible { outline: 2px solid "
				    "@theme_selected_bg_color; outline-offset: -2px; }";
	g_autoptr(GtkCssProvider) provider = gtk_css_provider_new();
	gtk_css_provider_load_from_data(provider, frame, -1);
	gtk_style_context_add_provider(gtk_widget_get_style_context(widget),
		GTK_STYLE_PROVIDER(provider), GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void viewer_canvas_init(ViewerCanvas *canvas)
{
	GtkWidget *widget = GTK_WIDGET(canvas);
	GtkEventController *scroll =
		gtk_event_controller_scroll_new(GTK_EVENT_CONTROLLER_SCROLL_VERTICAL);
	GtkEventController *motion = gtk_event_controller_motion_new();
	GtkGesture *drag = gtk_gesture_drag_new();
	g_signal_connect(scroll, "scroll", G_CALLBACK(canvas_on_scroll), canvas);
	g_signal_connect(motion, "motion", G_CALLBACK(canvas_on_motion), canvas);
	g_signal_connect(drag, "drag-begin", G_CALLBACK(canvas_on_drag_begin), canvas);
	g_signal_connect(drag, "drag-update", G_CALLBACK(canvas_on_drag), canvas);
	gtk_widget_add_controller(widget, scroll);
	gtk_widget_add_controller(widget, motion);
	gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(drag));
	canvas_style(widget);
	gtk_widget_set_focusable(widget, TRUE);
	gtk_widget_set_hexpand(widget, TRUE);
	gtk_widget_set_vexpand(widget, TRUE);
}

GtkWidget *viewer_canvas_new(void)
{
	return g_object_new(VIEWER_TYPE_CANVAS, NULL);
}
