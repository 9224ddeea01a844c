using System.Globalization;

namespace Mcp.Cli.Output;

/// <summary>Sizes, times and spans as people read them.</summary>
internal static class Measures
{
    /// <summary><c>0 B</c>, <c>12.3 MiB</c>.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        var unit = 0;
        while (bytes >= 1024 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
        return unit == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes:0} B")
            : string.Create(CultureInfo.InvariantCulture, $"{bytes:0.0} {units[unit]}");
    }

    /// <summary>How many files, directories and links: <c>1 entry</c>, <c>12 entries</c>.</summary>
    public static string Entries(ulong count) => count == 1 ? "1 entry" : string.Create(CultureInfo.InvariantCulture, $"{count} entries");

    /// <summary><c>350 ms</c>, <c>2.1 s</c>, <c>3 min</c>, <c>5 h</c>, <c>12 d</c>.</summary>
    public static string Span(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{span switch
    {
        { TotalMilliseconds: < 1000 } => $"{span.TotalMilliseconds:0} ms",
        { TotalSeconds: < 10 } => $"{span.TotalSeconds:0.0} s",
        { TotalSeconds: < 120 } => $"{span.TotalSeconds:0} s",
        { TotalMinutes: < 120 } => $"{Math.Floor(span.TotalMinutes):0} min",
        { TotalHours: < 48 } => $"{Math.Floor(span.TotalHours):0} h",
        _ => $"{Math.Floor(span.TotalDays):0} d",
    }}");

    /// <summary>How long ago an RFC 3339 time was: <c>5 min ago</c>; the text itself when it is no time, "never" when it is empty.</summary>
    public static string Ago(string rfc3339, TimeProvider clock)
    {
        if (rfc3339.Length == 0)
            return "never";
        if (!TryParse(rfc3339, out var at))
            return rfc3339;
        var span = clock.GetUtcNow() - at;
        return span.TotalSeconds < 1 ? "just now"
            : span.TotalSeconds < 120 ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(span.TotalSeconds)} s ago")
            : $"{Span(span)} ago";
    }

    /// <summary>How long an RFC 3339 time is ahead: <c>29 d left</c>, or <c>expired 2 d ago</c>.</summary>
    public static string Left(string rfc3339, TimeProvider clock)
    {
        if (!TryParse(rfc3339, out var at))
            return rfc3339;
        var span = at - clock.GetUtcNow();
        return span > TimeSpan.Zero ? $"{Span(span)} left" : $"expired {Span(-span)} ago";
    }

    /// <summary>Reads an RFC 3339 time.</summary>
    public static bool TryParse(string text, out DateTimeOffset at) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out at);
}
