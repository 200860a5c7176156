package io.github.ptadapter.adapter;

import org.jspecify.annotations.Nullable;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.helpers.NOPMDCAdapter;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * The SLF4J provider of this program.
 *
 * <p>slf4j-simple would be one, but it writes in the caller's thread, so that a full pipe behind
 * standard error would stop the tunnels, and it knows no limit for floods.
 */
public final class LogProvider implements SLF4JServiceProvider {

  private final IMarkerFactory markers = new BasicMarkerFactory();
  private final MDCAdapter mdc = new NOPMDCAdapter();

  /** For {@link java.util.ServiceLoader}. */
  public LogProvider() {}

  @Override
  public ILoggerFactory getLoggerFactory() {
    return LineLogger::new;
  }

  @Override
  public IMarkerFactory getMarkerFactory() {
    return markers;
  }

  @Override
  public MDCAdapter getMDCAdapter() {
    return mdc;
  }

  @Override
  public String getRequestedApiVersion() {
    return "2.0.99";
  }

  @Override
  public void initialize() {}

  /** A logger that hands its lines to {@link LogOutput}. */
  private static final class LineLogger extends LegacyAbstractLogger {

    private static final long serialVersionUID = 1L;

    private static final String OWN_PREFIX = "io.github.ptadapter.";

    private final boolean own;

    LineLogger(String name) {
      this.name = name;
      own = name.startsWith(OWN_PREFIX);
    }

    @Override
    public boolean isErrorEnabled() {
      return LogOutput.isEnabled(Level.ERROR);
    }

    @Override
    public boolean isWarnEnabled() {
      return LogOutput.isEnabled(Level.WARN);
    }

    @Override
    public boolean isInfoEnabled() {
      return isEnabled(Level.INFO);
    }

    @Override
    public boolean isDebugEnabled() {
      return isEnabled(Level.DEBUG);
    }

    @Override
    public boolean isTraceEnabled() {
      return isEnabled(Level.TRACE);
    }

    /** What libraries tell below a warning is for those who ask for everything. */
    private boolean isEnabled(Level level) {
      return LogOutput.isEnabled(own ? level : Level.TRACE);
    }

    @Override
    protected @Nullable String getFullyQualifiedCallerName() {
      return null;
    }

    @Override
    protected void handleNormalizedLoggingCall(
        Level level,
        @Nullable Marker marker,
        String pattern,
        Object @Nullable [] arguments,
        @Nullable Throwable throwable) {
      String text = MessageFormatter.basicArrayFormat(pattern, arguments);
      LogOutput.log(level, pattern, text == null ? pattern : text, throwable);
    }
  }
}
