using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Redoubt.Web;

/// <summary>Writes one line for each entry: time, severity, message. Lines of several threads do not mix.</summary>
public sealed class LineLogging(TextWriter output) : ILoggerProvider
{
    private readonly Lock _gate = new();

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Lines(this);

    /// <inheritdoc/>
    public void Dispose() { }

    private void Write(LogLevel level, string message, Exception? exception)
    {
        var severity = level switch
        {
            LogLevel.Critical or LogLevel.Error => "error",
            LogLevel.Warning => "warning",
            _ => "info",
        };
        var time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var text = exception is null ? message : $"{message}: {exception}";
        lock (_gate)
            output.WriteLine($"{time} {severity} {text.ReplaceLineEndings(" ")}");
    }

    private sealed class Lines(LineLogging owner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            if (IsEnabled(logLevel))
                owner.Write(logLevel, formatter(state, exception), exception);
        }
    }
}
