using System.Globalization;

namespace Mcp.Text;

/// <summary>Points in time as they travel and are stored: RFC 3339 in UTC, which also sorts as text.</summary>
internal static class Timestamp
{
    private const string Seconds = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>The time to the second, as <c>2026-04-01T00:00:00Z</c>.</summary>
    public static string Format(DateTimeOffset at) => at.UtcDateTime.ToString(Seconds, CultureInfo.InvariantCulture);

    /// <summary>The present time to the second.</summary>
    public static string Now(TimeProvider clock) => Format(clock.GetUtcNow());

    /// <summary>Reads a time that was written by <see cref="Format"/> or by another RFC 3339 writer; null when there is none.</summary>
    public static DateTimeOffset? Read(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at : null;
}
