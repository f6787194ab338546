// What gst-inspect-1.0 shows.

#include "support.h"

#include <gtest/gtest.h>

namespace sluice::gst {
namespace {

class Elements : public testing::TestWithParam<const char*> {};

void expect_described(GObjectClass* type) {
    guint count = 0;
    GParamSpec** specs = g_object_class_list_properties(type, &count);
    for (guint i = 0; i < count; ++i) {
        const gchar* blurb = g_param_spec_get_blurb(specs[i]);
        EXPECT_TRUE(blurb && *blurb) << g_type_name(specs[i]->owner_type) << "." << specs[i]->name;
    }
    g_free(specs);
}

TEST_P(Elements, DescribeEveryProperty) {
    Element element(GetParam());
    expect_described(G_OBJECT_GET_CLASS(element.get()));
}

TEST_P(Elements, GiveBackEveryPropertysDefault) {
    Element element(GetParam());
    guint count = 0;
    GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element.get()), &count);
    for (guint i = 0; i < count; ++i) {
        bool ours = g_str_has_prefix(g_type_name(specs[i]->owner_type), "Sluice");
        if (!ours || !(specs[i]->flags & G_PARAM_WRITABLE)) continue;
        GValue value = G_VALUE_INIT;
        g_value_init(&value, specs[i]->value_type);
        g_object_get_property(G_OBJECT(element.get()), specs[i]->name, &value);
        EXPECT_TRUE(g_param_value_defaults(specs[i], &value)) << specs[i]->name;
        g_value_unset(&value);
    }
    g_free(specs);
}

TEST_P(Elements, SayWhatTheyAre) {
    Element element(GetParam());
    GstElementFactory* factory = gst_element_get_factory(element.get());
    for (const char* key : {GST_ELEMENT_METADATA_LONGNAME,
                            GST_ELEMENT_METADATA_KLASS,
                            GST_ELEMENT_METADATA_DESCRIPTION}) {
        const gchar* text = gst_element_factory_get_metadata(factory, key);
        EXPECT_TRUE(text && *text) << key;
    }
}

INSTANTIATE_TEST_SUITE_P(Sluice,
                         Elements,
                         testing::Values("sluicemux",
                                         "sluicedemux",
                                         "sluiceinfer",
                                         "sluicetracker",
                                         "sluiceosd",
                                         "sluicetiler",
                                         "sluicemetasink",
                                         "sluicejpegdec"),
                         [](const auto& element) { return std::string(element.param); });

TEST(MuxPad, DescribesEveryProperty) {
    Element mux("sluicemux");
    ObjectPtr<GstPad> pad(gst_element_request_pad_simple(mux.get(), "sink_0"));
    expect_described(G_OBJECT_GET_CLASS(pad.get()));
}

}  // namespace
}  // namespace sluice::gst
