//! What servers say about their limits, read and written.

use tollgate::headers::dialects::{Dialect, by_name};
use tollgate::headers::emit::{Answer, Policy, emit, retry_after_date};
use tollgate::headers::http_date::{HttpDate, write_imf};
use tollgate::headers::moment::{Format, go_duration, rfc3339};
use tollgate::headers::retry_after::{RetryAfter, millis, pushback};
use tollgate::headers::structured::{Base64, Display, Reader, Text};
use tollgate::headers::{Bucket, Feedback, FeedbackReader};
use tollgate_proof::{any, cases, seen};

cases! {
    feedback_reader {
        seen(FeedbackReader::new());
        seen(FeedbackReader::of(any()).with_mode(any()));
        let reader = any::<&mut FeedbackReader>;
        reader().line(any(), any());
        reader().cause(any());
        reader().code(any());
        reader().delay(any());
        seen(reader().finish(any(), any()));
    }

    feedback {
        let feedback = any::<&Feedback>;
        seen((feedback().verdict(), feedback().gate(), feedback().retry_after(), feedback().should_retry()));
        feedback().buckets().for_each(seen);
        seen((feedback().binding(), feedback().scope(), feedback().code(), feedback().cause()));
        seen((feedback().micro_requests_per_sec(), feedback().near_limit(), feedback().from_cache()));
        seen((feedback().date(), feedback().generation(), feedback().faults().is_empty()));
        let bucket = any::<&Bucket>;
        seen((bucket().name().as_bytes(), bucket().limit(), bucket().remaining(), bucket().used()));
        seen((bucket().reset_after(), bucket().window(), bucket().is_exhausted()));
        seen((bucket().origin(), bucket().unit(), bucket().name().is_truncated()));
    }

    dialects {
        seen(by_name(any()));
        seen(any::<&Dialect>().cause(any()));
        seen(any::<Dialect>().with_windows(any()).with_throttles(any()).with_codes(any()));
    }

    http_dates {
        seen(HttpDate::parse(any(), any()));
        seen((any::<HttpDate>().unix(), any::<HttpDate>().unix_at(any())));
        seen(write_imf(any(), any()));
    }

    delays {
        let after = any::<&mut RetryAfter>;
        seen(after().line(any(), any()));
        seen((after().resolve(any()), after().is_empty()));
        seen((millis(any()), pushback(any()), go_duration(any()), rfc3339(any())));
        seen(any::<Format>());
    }

    structured_fields {
        seen((Reader::list(any()), Reader::dictionary(any()), Reader::item(any())));
        let reader = any::<&mut Reader<'static>>;
        seen(reader().member());
        seen(reader().inner());
        seen(reader().param());
        any::<Text<'static>>().bytes().for_each(seen);
        any::<Base64<'static>>().bytes().for_each(seen);
        any::<Display<'static>>().bytes().for_each(seen);
    }

    emission {
        seen(Policy::new(any(), any()));
        seen(any::<Policy<'_>>().with_window(any()).with_unit(any()).with_partition(any()));
        seen(emit(any(), any::<&Answer<'_>>(), any(), |name, value| seen((name, value))));
        seen(retry_after_date(any(), any()));
    }
}
