using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mcp.Toml;

/// <summary>Durations as people write them: "500ms", "2s", "1m30s", "1.5h", "7d". Whole milliseconds, at most ten years.</summary>
internal static class DurationText
{
    /// <summary>What a problem says is allowed.</summary>
    public const string Form = "a number with a unit, as \"500ms\", \"2s\", \"1m30s\", \"12h\" or \"7d\"";

    // Largest first: the units of one duration must come in this order, each at most once.
    private static readonly (string Name, long Milliseconds)[] Units =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

    private static readonly SearchValues<char> NumberLetters = SearchValues.Create("0123456789.");

    private const long MaxMilliseconds = 3650L * 86_400_000;

    /// <summary>Reads a duration, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string? text, out TimeSpan duration, [NotNullWhen(false)] out string? problem)
    {
        duration = default;
        problem = null;
        var rest = text.AsSpan();
        var total = 0m;
        var nextUnit = 0;
        if (rest.IsEmpty)
            problem = $"is empty; a duration is {Form}";
        while (problem is null && !rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(NumberLetters);
            var number = digits < 0 ? rest : rest[..digits];
            rest = digits < 0 ? [] : rest[digits..];
            var letters = rest.IndexOfAny(NumberLetters);
            var name = (letters < 0 ? rest : rest[..letters]).ToString();
            rest = letters < 0 ? [] : rest[letters..];
            var unit = Array.FindIndex(Units, nextUnit, u => u.Name == name);
            // 12 digits keep the product far inside decimal's range.
            if (number.Length > 12 || unit < 0 || !char.IsAsciiDigit(number.IsEmpty ? ' ' : number[^1]) ||
                !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
            {
                problem = $"is not a duration; it is {Form}";
                break;
            }
            total += count * Units[unit].Milliseconds;
            nextUnit = unit + 1;
        }
        if (problem is null && total > MaxMilliseconds)
            problem = "is longer than ten years";
        if (problem is null && total != decimal.Truncate(total))
            problem = "is finer than a millisecond";
        if (problem is null)
            duration = TimeSpan.FromMilliseconds((long)total);
        return problem is null;
    }

    /// <summary>Writes a duration of whole milliseconds so that <see cref="TryParse"/> reads it back: "1m30s".</summary>
    public static string Write(TimeSpan duration)
    {
        var left = (long)duration.TotalMilliseconds;
        if (left == 0)
            return "0s";
        var text = "";
        foreach (var (name, size) in Units)
        {
            if (left >= size)
                text += string.Create(CultureInfo.InvariantCulture, $"{left / size}{name}");
            left %= size;
        }
        return text;
    }
}
