namespace Mcp.Transport;

/// <summary>The header <c>grpc-timeout</c> (gRPC over HTTP/2): 1 to 8 digits and a unit. The framework ignores one that is malformed; here it is refused.</summary>
internal static class CallTimeout
{
    /// <summary>Longer than any call of this system; a timer beyond it is a mistake or an attempt to overflow one.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    /// <summary>What is wrong with <paramref name="text"/>, or null.</summary>
    public static string? Problem(string text)
    {
        if (text.Length is < 2 or > 9 || !text.AsSpan(0, text.Length - 1).ContainsOnlyDigits())
            return "grpc-timeout is malformed";
        var count = long.Parse(text.AsSpan(0, text.Length - 1), System.Globalization.CultureInfo.InvariantCulture);
        long? ticks = text[^1] switch
        {
            'H' => count * TimeSpan.TicksPerHour,
            'M' => count * TimeSpan.TicksPerMinute,
            'S' => count * TimeSpan.TicksPerSecond,
            'm' => count * TimeSpan.TicksPerMillisecond,
            'u' => count * TimeSpan.TicksPerMicrosecond,
            'n' => count / TimeSpan.NanosecondsPerTick,
            _ => null,
        };
        if (ticks is null)
            return "grpc-timeout has an unknown unit";
        if (count == 0)
            return "grpc-timeout is zero";
        return ticks > Longest.Ticks ? $"grpc-timeout is longer than {Longest.TotalHours:0} hours" : null;
    }

    private static bool ContainsOnlyDigits(this ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange('0', '9');
}
