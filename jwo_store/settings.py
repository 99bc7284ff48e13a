"""All settings, read from the environment (and from `.env`, if there is one).

`.env.example` has a line for every variable; an empty one counts as not set. Unsafe combinations stop the start: see
`jwo_store.checks`.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
import structlog

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")
env.ENVIRON = {name: value for name, value in os.environ.items() if value.strip()}

# --- Which world this is -------------------------------------------------------------------------------------------

JWO_ENVIRONMENT: str = env("JWO_ENVIRONMENT", default="sandbox")
EMBEDDED = not env("DATABASE_URL", default="") and not env("CELERY_BROKER_URL", default="")
"""No servers configured: SQLite, a broker in memory, and everything in the one process of `manage.py runstore`."""

DEMO = EMBEDDED and JWO_ENVIRONMENT == "sandbox"
"""The embedded demo: the only place where defaults stand in for secrets and demo logins may exist."""

DEMO_SECRET_KEY = "the-embedded-demo-has-no-secrets-and-must-never-face-a-network"  # noqa: S105  refused elsewhere
SECRET_KEY: str = env("SECRET_KEY", default=DEMO_SECRET_KEY if DEMO else "")
DEBUG: bool = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEMO else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

DATA_DIR = Path(env("DATA_DIR", default=str(BASE_DIR / "var")))
"""Where the embedded database, the lock of the running copy and collected static files stand."""

# --- Apps ----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "simple_history",
    "csp",
    "django_structlog",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "jwo_store",
    "jwo_store.signin",
    "catalog",
    "pricing",
    "orders",
]

MIDDLEWARE = [
    "jwo_store.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "jwo_store.headers.HeadersMiddleware",
    "jwo_store.calls.CallsMiddleware",  # calls by machines leave here: what follows is for pages
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "jwo_store.signin.middleware.SignInMiddleware",
    "jwo_store.shop_clock.ShopClockMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "jwo_store.urls"
WSGI_APPLICATION = "jwo_store.wsgi.application"
SILENCED_SYSTEM_CHECKS = ["models.W040"]  # SQLite leaves out what an index only includes; PostgreSQL is faster for it
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ------------------------------------------------------------------------------------------------------

if env("DATABASE_URL", default=""):
    _database: dict[str, Any] = env.db("DATABASE_URL")
else:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    _database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "store.sqlite3")}
_options: dict[str, Any] = _database.setdefault("OPTIONS", {})
if _database["ENGINE"].endswith("sqlite3"):
    _options |= {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000;",
    }
    _database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    _database["CONN_MAX_AGE"] = None  # closing the last connection would fold the write-ahead log each time
else:
    _options |= {
        "pool": {
            "min_size": 1,
            "max_size": env.int("DATABASE_POOL_SIZE", default=12),
            "timeout": 5,
            "max_idle": 60,  # what a rush has opened is not held against the other processes afterwards
        },
        "server_side_binding": True,  # statements are parsed and planned once, not each time
        "prepare_threshold": 5,
        "connect_timeout": 5,
    }
    # compiling a statement takes longer than running it; and what is read is in memory, or on a disk without a head
    _options.setdefault("options", "-c jit=off -c random_page_cost=1.1")
DATABASES = {"default": _database}

# --- Broker and periodic work --------------------------------------------------------------------------------------

CELERY_BROKER_URL: str = env("CELERY_BROKER_URL", default="memory://")
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"polling_interval": 0.05}
    if CELERY_BROKER_URL == "memory://"
    else {"max_retries": 0}  # a nudge that finds no broker is lost at once; workers wait for theirs all the same
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = True  # without, beat never gets over a connection that it has lost
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = env("CELERY_QUEUE", default="jwo_store")
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # nobody steers workers through the broker
CELERY_TASK_DEFAULT_DELIVERY_MODE = "transient"
CELERY_TIMEZONE = "UTC"

SWEEP_EVERY: float = env.float("SWEEP_EVERY", default=2.0 if EMBEDDED else 10.0)
CATALOG_LATE: float = env.float("CATALOG_LATE", default=90 * 60.0)
CATALOG_RECEIVE_EVERY: float = env.float("CATALOG_RECEIVE_EVERY", default=10.0)
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "orders.tasks.sweep", "schedule": SWEEP_EVERY, "options": {"expires": SWEEP_EVERY * 3}},
    "watch": {"task": "orders.tasks.watch", "schedule": 300.0, "options": {"expires": 300}},
    "send-alarms": {"task": "jwo_store.tasks.send_alarms", "schedule": 30.0, "options": {"expires": 60}},
    "send-letters": {"task": "jwo_store.signin.tasks.send_letters", "schedule": 30.0, "options": {"expires": 60}},
    "sweep-catalog": {
        "task": "catalog.tasks.sweep",
        "schedule": SWEEP_EVERY,
        "options": {"expires": SWEEP_EVERY * 3},
    },
    "receive-catalog-messages": {
        "task": "catalog.tasks.receive",
        "schedule": CATALOG_RECEIVE_EVERY,
        "options": {"expires": CATALOG_RECEIVE_EVERY},
    },
    "watch-catalog": {"task": "catalog.tasks.watch", "schedule": min(60.0, CATALOG_LATE), "options": {"expires": 60}},
    "forget-sign-ins": {
        "task": "jwo_store.signin.tasks.forget_what_is_over",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "redact-raw-carts": {"task": "orders.tasks.redact_raw_carts", "schedule": 3600.0, "options": {"expires": 3600}},
}

# --- The way to Amazon ---------------------------------------------------------------------------------------------

AWS_REGION: str = env("AWS_REGION", default="us-east-1")
AMAZON_ROLE_ARN: str = env("AMAZON_ROLE_ARN", default="")
AMAZON_CHECKOUT_URL: str = env("AMAZON_CHECKOUT_URL", default="")
AMAZON_CATALOG_URL: str = env("AMAZON_CATALOG_URL", default="")

CHECKOUT_CONNECT_TIMEOUT: float = env.float("CHECKOUT_CONNECT_TIMEOUT", default=1.0)
CHECKOUT_READ_TIMEOUT: float = env.float("CHECKOUT_READ_TIMEOUT", default=30.0)
CHECKOUT_RETRY_BASE: float = env.float("CHECKOUT_RETRY_BASE", default=2.0)
CHECKOUT_RETRY_CAP: float = env.float("CHECKOUT_RETRY_CAP", default=300.0)
CHECKOUT_LEASE: float = env.float("CHECKOUT_LEASE", default=120.0)
CHECKOUT_DEADLINE_HOURS: float = env.float("CHECKOUT_DEADLINE_HOURS", default=24.0)
CHECKOUT_MAX_PER_SECOND: float | None = env.float("CHECKOUT_MAX_PER_SECOND", default=0.0) or None
CHECKOUT_MISCONFIGURED_RETRY: float = env.float("CHECKOUT_MISCONFIGURED_RETRY", default=300.0)
CHECKOUT_UNKNOWN_TRIP_RETRIES: list[float] = env.list(
    "CHECKOUT_UNKNOWN_TRIP_RETRIES", cast=float, default=[30.0, 120.0, 600.0]
)

# --- The catalog at Amazon -----------------------------------------------------------------------------------------

CATALOG_UPLOAD_EVERY: float = env.float("CATALOG_UPLOAD_EVERY", default=0.0)
CATALOG_POLL_FIRST: float = env.float("CATALOG_POLL_FIRST", default=60.0)
CATALOG_POLL_CAP: float = env.float("CATALOG_POLL_CAP", default=600.0)
CATALOG_READ_TIMEOUT: float = env.float("CATALOG_READ_TIMEOUT", default=35.0)
CATALOG_REPORT_TIMEOUT: float = env.float("CATALOG_REPORT_TIMEOUT", default=60.0)
CATALOG_RETRY_BASE: float = env.float("CATALOG_RETRY_BASE", default=2.0)
CATALOG_RETRY_CAP: float = env.float("CATALOG_RETRY_CAP", default=300.0)
CATALOG_LEASE: float = env.float("CATALOG_LEASE", default=240.0)
CATALOG_NO_RETRY_PHRASES: list[str] = env.list(
    "CATALOG_NO_RETRY_PHRASES", default=["no retry", "do not retry", "not retryable", "retry not recommended"]
)
CATALOG_ARCHIVED_PHRASES: list[str] = env.list(
    "CATALOG_ARCHIVED_PHRASES", default=["already archived", "archived already"]
)
_S3 = ["s3.amazonaws.com", "*.s3.amazonaws.com", "s3.*.amazonaws.com", "*.s3.*.amazonaws.com"]
_THIS_MACHINE = ["127.0.0.1", "localhost", "[::1]"] if JWO_ENVIRONMENT == "sandbox" else []
CATALOG_REPORT_HOSTS: list[str] = [
    re.sub(r":\d+\Z", "", host)  # a port is allowed on this machine alone, and there every one
    for host in env.list("CATALOG_REPORT_HOSTS", default=[*_S3, *_THIS_MACHINE])
]
CATALOG_REPORT_MAX_BYTES: int = env.int("CATALOG_REPORT_MAX_BYTES", default=50_000_000)
CATALOG_REPORT_MAPPING: str = env("CATALOG_REPORT_MAPPING", default="")
CATALOG_TAX_CODES: str = env("CATALOG_TAX_CODES", default="ours")
CATALOG_REPORT_LISTS: str = env("CATALOG_REPORT_LISTS", default="all")
CATALOG_QUEUE_URL: str = env("CATALOG_QUEUE_URL", default="")
CATALOG_TOPIC_ARN: str = env("CATALOG_TOPIC_ARN", default="")
AWS_ENDPOINT_URL_SNS: str = env("AWS_ENDPOINT_URL_SNS", default="")

# --- Amazon's way to us --------------------------------------------------------------------------------------------

CONNECTOR_SECRETS: list[str] = env.list("CONNECTOR_SECRETS", default=[])
CONNECTOR_CALLER_ARNS: list[str] = env.list("CONNECTOR_CALLER_ARNS", default=[])
CONNECTOR_MAX_BYTES = 1_000_000
RAW_CART_DAYS: int = env.int("RAW_CART_DAYS", default=90)

CART_ITEM_TYPES: list[str] = env.list("CART_ITEM_TYPES", default=[])
CART_LOCATIONS: list[str] = env.list("CART_LOCATIONS", default=[])
CART_PAYLOAD_TYPES: list[str] = env.list("CART_PAYLOAD_TYPES", default=[])
CART_SCAN_RESULT_TYPES: list[str] = env.list("CART_SCAN_RESULT_TYPES", default=[])
CART_EXTERNAL_IDENTIFIER_TYPES: list[str] = env.list("CART_EXTERNAL_IDENTIFIER_TYPES", default=[])
CART_AUTH_EVENTS_MAY_BE_EMPTY: bool = env.bool("CART_AUTH_EVENTS_MAY_BE_EMPTY", default=True)

MAX_LINE_QUANTITY: int = env.int("MAX_LINE_QUANTITY", default=999)
MAX_CART_UNITS: int = env.int("MAX_CART_UNITS", default=5000)
UNIT_NAMES: dict[str, str] = env.dict("UNIT_NAMES", default={})

# --- People --------------------------------------------------------------------------------------------------------

ALARM_EMAILS: list[str] = env.list("ALARM_EMAILS", default=[])
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL: str = env("DEFAULT_FROM_EMAIL", default="jwo-store@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

LANGUAGE_CODE = "en-us"
TIME_ZONE: str = env("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = True
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "jwo_store.signin.throttle.ThrottledBackend",
    "jwo_store.access.RolesPerStore",
]

# --- Signing in ----------------------------------------------------------------------------------------------------

SIGN_IN_CODES: bool = env.bool("SIGN_IN_CODES", default=JWO_ENVIRONMENT != "sandbox")
OTP_TOTP_ISSUER = "Store back office" if JWO_ENVIRONMENT == "live" else f"Store back office ({JWO_ENVIRONMENT})"
PROXY_COUNT: int = env.int("PROXY_COUNT", default=0)
SIGN_IN_TRIES: int = env.int("SIGN_IN_TRIES", default=5)
SIGN_IN_TRIES_WIDE: int = env.int("SIGN_IN_TRIES_WIDE", default=50)
SIGN_IN_BLOCK_MINUTES: float = env.float("SIGN_IN_BLOCK_MINUTES", default=15.0)

AXES_HANDLER = "jwo_store.signin.throttle.Throttle"
AXES_FAILURE_LIMIT = SIGN_IN_TRIES
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=SIGN_IN_BLOCK_MINUTES)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who waits is told for how long, and that holds
AXES_CLIENT_IP_CALLABLE = "jwo_store.signin.address.address_of"
AXES_LOCKOUT_CALLABLE = "jwo_store.signin.throttle.blocked_page"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

SESSION_ENGINE = "jwo_store.signin.sessions"
SESSION_COOKIE_AGE = int(env.float("SESSION_HOURS", default=12.0) * 3600)
SESSION_IDLE = int(env.float("SESSION_IDLE_MINUTES", default=60.0) * 60)
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True  # no script reads it: forms carry the token

# --- Web -----------------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000

if not DEMO:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT: bool = env.bool("SECURE_SSL_REDIRECT", default=JWO_ENVIRONMENT != "sandbox")
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS: int = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],  # Alpine in the admin theme evaluates its attributes
        "style-src": ["'self'", "'unsafe-inline'"],  # the admin theme writes its colours into the page
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Ordering Connector",
    "DESCRIPTION": "What Amazon calls when a shopper has left a Just Walk Out store.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "POSTPROCESSING_HOOKS": ["orders.openapi.add_contract"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": ["rest_framework.authentication.SessionAuthentication"],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAdminUser"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "defaultModelsExpandDepth": 3},
}

UNFOLD = {
    "SITE_TITLE": "Store back office",
    "SITE_HEADER": "Store back office",
    "SITE_SUBHEADER": "Just Walk Out",
    "SITE_SYMBOL": "storefront",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "jwo_store.admin_site.favicon"}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "jwo_store.admin_site.environment_badge",
    "ENVIRONMENT_TITLE_PREFIX": "jwo_store.admin_site.environment_title",
    "STYLES": ["jwo_store.admin_site.styles"],
    "SCRIPTS": ["jwo_store.admin_site.names", "jwo_store.admin_site.focus"],
    "ACCOUNT": {"navigation": "jwo_store.admin_site.account_links"},
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "jwo_store.navigation.navigation",
    },
}

SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
SIMPLE_HISTORY_HISTORY_ID_USE_UUID = True
SIMPLE_HISTORY_DATE_INDEX = False  # jwo_store.history has its own

# --- Logs ----------------------------------------------------------------------------------------------------------

LOG_FORMAT: str = env("LOG_FORMAT", default="console" if DEMO else "json")
_shared_processors: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(  # local variables may hold keys, or a shopper
                    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
                ),
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _shared_processors,
        },
        "console": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            ],
            "foreign_pre_chain": _shared_processors,
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django_structlog": {"level": env("REQUEST_LOG_LEVEL", default="WARNING")},
        "axes": {"level": "ERROR"},  # what it would say of a try stands in its rows
        "celery": {"level": "WARNING"},
        "kombu": {"level": "ERROR"},
        "botocore": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},
    },
}
structlog.configure(
    processors=[
        *_shared_processors,
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
