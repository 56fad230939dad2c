//! Whatever the value, and whichever form its call has: what comes out is what went in.

use proptest::prelude::*;
use serde_json::{Map, Value};
use updraft::payload::Call;

use super::{
    Argument, base64, gzip,
    json::{Style, digits, style, text, value},
    quoted,
};

/// The forms that a call may have.
#[derive(Clone, Copy, Debug)]
enum Form {
    Object,
    Array,
    ObjectText,
    ArrayText,
    Base64,
    Base64Gzip,
    Buffer,
    BufferGzip,
}

impl Form {
    fn has_fields(self) -> bool {
        !matches!(self, Self::Array | Self::ArrayText)
    }

    /// A Buffer beside the text can travel with these only.
    fn takes_buffers(self) -> bool {
        matches!(self, Self::Object | Self::Array)
    }
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Object),
        Just(Form::Array),
        Just(Form::ObjectText),
        Just(Form::ArrayText),
        Just(Form::Base64),
        Just(Form::Base64Gzip),
        Just(Form::Buffer),
        Just(Form::BufferGzip),
    ]
}

/// How `data` travels inside the call.
#[derive(Clone, Copy, Debug)]
enum Packing {
    Plain,
    /// base64 of gzip, and `encoding` says so.
    Said,
    /// The same without `encoding`.
    Unsaid,
    /// A Buffer that holds JSON text.
    Buffer,
    /// A Buffer of gzip, and `encoding` says so.
    BufferGzip,
}

fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![
        Just(Packing::Plain),
        Just(Packing::Said),
        Just(Packing::Unsaid),
        Just(Packing::Buffer),
        Just(Packing::BufferGzip),
    ]
}

/// A call before it is written.
#[derive(Clone, Debug)]
struct Written {
    event: String,
    /// As JSON text.
    data: Option<String>,
    fields: Vec<(String, String)>,
    form: Form,
    packing: Packing,
    style: Style,
}

impl Written {
    /// A call in a form and a packing that can go together.
    fn new(event: &str, data: Option<String>, form: Form, packing: Packing, style: Style) -> Self {
        let packing = match packing {
            Packing::Said | Packing::BufferGzip if !form.has_fields() => Packing::Plain,
            Packing::Buffer | Packing::BufferGzip if !form.takes_buffers() => Packing::Plain,
            // Nobody escapes the letters of base64, and without `encoding` they are looked at as they stand.
            Packing::Unsaid if matches!(style, Style::Escaped) => Packing::Plain,
            goes => goes,
        };
        Self {
            event: event.to_owned(),
            data,
            fields: Vec::new(),
            form,
            packing,
            style,
        }
    }

    fn encode(&self) -> Argument {
        let style = self.style;
        let mut fields = self.fields.clone();
        let mut buffers = Vec::new();
        let event = style.string(&self.event);
        fields.insert(fields.len() / 2, ("event".to_owned(), event.clone()));
        let mut elements = vec![event];
        if let Some(data) = &self.data {
            let placeholder = r#"{"_placeholder":true,"num":0}"#.to_owned();
            let (data, encoding) = match self.packing {
                Packing::Plain => (data.clone(), None),
                Packing::Said => (style.string(&base64(&gzip(data.as_bytes()))), Some("gzip+base64")),
                Packing::Unsaid => (style.string(&base64(&gzip(data.as_bytes()))), None),
                Packing::Buffer => {
                    buffers.push(data.as_bytes().to_vec());
                    (placeholder, None)
                }
                Packing::BufferGzip => {
                    buffers.push(gzip(data.as_bytes()));
                    (placeholder, Some("gzip"))
                }
            };
            elements.push(data.clone());
            fields.push(("data".to_owned(), data));
            if let Some(encoding) = encoding {
                fields.insert(0, ("encoding".to_owned(), style.string(encoding)));
            }
        }
        let object = style.object(&fields);
        let json = match self.form {
            Form::Array | Form::ArrayText => style.array(&elements),
            _ => object,
        };
        let argument = match self.form {
            Form::Object | Form::Array => Argument::text(json),
            Form::ObjectText | Form::ArrayText => Argument::string(&json),
            Form::Base64 => Argument::string(&base64(json.as_bytes())),
            Form::Base64Gzip => Argument::string(&base64(&gzip(json.as_bytes()))),
            Form::Buffer => Argument::buffer(json.as_bytes()),
            Form::BufferGzip => Argument::buffer(&gzip(json.as_bytes())),
        };
        match buffers.is_empty() {
            true => argument,
            false => Argument { buffers, ..argument },
        }
    }

    fn decode(&self) -> Call {
        self.encode().decode().expect("it is a call")
    }
}

fn name() -> impl Strategy<Value = String> {
    text().prop_filter("a call has an event", |name| !name.is_empty())
}

proptest! {
    #[test]
    fn data_comes_out_as_it_went_in(
        value in value(), form in form(), packing in packing(), style in style(),
    ) {
        let written = Written::new("api.a.b", Some(style.write(&value)), form, packing, style);
        let call = written.decode();
        prop_assert_eq!(call.json::<Value>().unwrap(), value.clone());
        prop_assert_eq!(call.data().unwrap().json::<Value>().unwrap(), value);
    }

    #[test]
    fn data_that_is_written_again_is_the_same_text(
        value in value(), form in form(), packing in packing(), style in style(),
    ) {
        let json = style.write(&value);
        let written = Written::new("api.a.b", Some(json.clone()), form, packing, style);
        let data = written.decode().data().unwrap();
        match written.packing {
            // A Buffer is no JSON, whatever it holds.
            Packing::Buffer => prop_assert_eq!(data.bytes().unwrap(), json),
            _ => prop_assert_eq!(serde_json::to_string(&data).unwrap(), json),
        }
        let again = updraft::Data::new(&data).unwrap();
        prop_assert_eq!(again.json::<Value>().unwrap(), value);
    }

    #[test]
    fn numbers_keep_all_their_digits_where_they_are_passed_on(
        number in digits(), form in form(), packing in packing(), style in style(),
    ) {
        let json = style.array(&[number]);
        let written = Written::new("api.a.b", Some(json.clone()), form, packing, style);
        let data = written.decode().data().unwrap();
        match written.packing {
            Packing::Buffer => prop_assert_eq!(data.bytes().unwrap(), json),
            _ => prop_assert_eq!(serde_json::to_string(&data).unwrap(), json),
        }
    }

    #[test]
    fn a_text_is_the_same_text_and_its_bytes_are_utf_8(
        text in text(), form in form(), style in style(),
    ) {
        let written = Written::new("api.a.b", Some(style.string(&text)), form, Packing::Plain, style);
        let call = written.decode();
        prop_assert_eq!(call.text().unwrap(), text.as_str());
        prop_assert_eq!(call.bytes().unwrap(), text.as_bytes());
        prop_assert_eq!(call.json::<String>().unwrap(), text);
    }

    #[test]
    fn packed_data_is_also_to_be_had_as_the_very_text_and_bytes_that_were_packed(
        value in value(), packing in packing(), style in style(),
    ) {
        let json = style.write(&value);
        let written = Written::new("api.a.b", Some(json.clone()), Form::Object, packing, style);
        prop_assume!(!matches!(written.packing, Packing::Plain));
        let call = written.decode();
        prop_assert_eq!(call.text().unwrap(), json.as_str());
        prop_assert_eq!(call.bytes().unwrap(), json.as_bytes());
    }

    #[test]
    fn event_and_known_fields_survive(
        event in name(), id in "[ -~]{0,64}", version in any::<u32>(), trace in text(),
        form in form(), style in style(),
    ) {
        let mut written = Written::new(&event, None, form, Packing::Plain, style);
        written.fields = vec![
            ("id".to_owned(), style.string(&id)),
            ("v".to_owned(), version.to_string()),
            ("traceparent".to_owned(), style.string(&trace)),
        ];
        let call = written.decode();
        prop_assert_eq!(call.event(), event);
        prop_assert!(call.has_no_data());
        if form.has_fields() {
            prop_assert_eq!(call.id(), Some(id.as_str()));
            prop_assert_eq!(call.version(), Some(version));
            prop_assert_eq!(call.traceparent(), Some(trace.as_str()));
        }
    }

    #[test]
    fn unknown_fields_survive(
        extra in prop::collection::vec((text(), value()), 0..8), form in form(), style in style(),
    ) {
        const KNOWN: [&str; 6] = ["event", "data", "encoding", "id", "v", "traceparent"];
        let extra: Map<String, Value> = extra
            .into_iter()
            .filter(|(name, _)| !KNOWN.contains(&name.as_str()) && name != "_placeholder")
            .collect();
        let mut written = Written::new("api.a.b", Some("[1]".to_owned()), form, Packing::Plain, style);
        written.fields = extra.iter().map(|(name, value)| (name.clone(), style.write(value))).collect();
        let call = written.decode();
        for (name, value) in &extra {
            let field = call.field::<Value>(name).unwrap();
            match form.has_fields() && !value.is_null() {
                true => prop_assert_eq!(field.as_ref(), Some(value)),
                false => prop_assert_eq!(field, None),
            }
        }
        let whole = call.whole::<Map<String, Value>>().unwrap();
        prop_assert_eq!(&whole["event"], "api.a.b");
        prop_assert_eq!(&whole["data"], &serde_json::json!([1]));
        prop_assert_eq!(whole.len(), 2 + if form.has_fields() { extra.len() } else { 0 });
    }

    #[test]
    fn a_text_that_only_looks_packed_is_left_as_it_is(rest in "[A-Za-z0-9+/ =ü]{0,40}") {
        let text = format!("H4sI{rest}");
        let call = Argument::text(format!(r#"{{"event":"a.b","data":{}}}"#, quoted(&text))).decode().unwrap();
        prop_assert_eq!(call.text().unwrap(), text.as_str());
        prop_assert_eq!(call.json::<Value>().unwrap(), Value::String(text));
    }
}
