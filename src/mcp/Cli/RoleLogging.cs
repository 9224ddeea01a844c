using Microsoft.Extensions.Logging.Console;

namespace Mcp.Cli;

/// <summary>The log of a role: lines on standard error, which systemd's journal takes with their level.</summary>
internal static class RoleLogging
{
    /// <summary>A log of <paramref name="level"/> ("debug", "info", "warning", "error") in <paramref name="format"/> ("text", "json").</summary>
    public static ILoggerFactory Create(CommandContext context, string level, string format) => LoggerFactory.Create(log =>
    {
        log.SetMinimumLevel(level switch
        {
            "debug" => LogLevel.Debug,
            "warning" => LogLevel.Warning,
            "error" => LogLevel.Error,
            _ => LogLevel.Information,
        });
        // The frameworks' own information says nothing that the roles do not say better.
        log.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning).AddFilter("System", LogLevel.Warning);
        log.Services.Configure<ConsoleLoggerOptions>(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        if (format == "json")
            log.AddJsonConsole(options => options.UseUtcTimestamp = true);
        else if (context.Variable("JOURNAL_STREAM") is not null)
            log.AddSystemdConsole();
        else
            log.AddSimpleConsole(options => (options.SingleLine, options.TimestampFormat, options.UseUtcTimestamp) = (true, "yyyy-MM-ddTHH:mm:ss.fffZ ", true));
    });
}
