using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Mcp.Podman;

/// <summary>
/// Reads podman's JSON with tolerance: a missing key, a null or a value of another type is the empty value, since versions differ and one odd
/// container must not hide the others. (Deserializing into types would fail the whole list over one port of -1.)
/// </summary>
internal static class JsonText
{
    /// <summary>The document, which keeps its own copy of nothing: <paramref name="bytes"/> must live as long.</summary>
    /// <exception cref="PodmanException">It is no JSON.</exception>
    public static JsonDocument Parse(string what, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return JsonDocument.Parse(bytes);
        }
        catch (JsonException e)
        {
            var start = Encoding.UTF8.GetString(bytes.Span[..Math.Min(bytes.Length, 120)]);
            throw new PodmanException(PodmanFailure.Malformed, what, $"not JSON: {PodmanException.Words(start)}", inner: e)
            {
                Hint = "podman version; does something other than podman listen on that socket?",
            };
        }
    }

    /// <summary>The value at <paramref name="path"/>, or one of kind Undefined.</summary>
    public static JsonElement At(this JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var key in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(key, out element))
                return default;
        }
        return element;
    }

    /// <summary>The text at <paramref name="path"/>; numbers and booleans as written; else empty.</summary>
    public static string TextAt(this JsonElement element, params ReadOnlySpan<string> path) => element.At(path).AsText();

    /// <summary>The element as text; numbers and booleans as written; else empty.</summary>
    public static string AsText(this JsonElement element)
    {
        if (element.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False)
            return element.GetRawText();
        if (element.ValueKind != JsonValueKind.String)
            return "";
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Lone surrogates or bytes that are no UTF-8: the raw text, with U+FFFD for what cannot be read.
            return Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(element)).Trim('"');
        }
    }

    /// <summary>The whole number at <paramref name="path"/>; 0 when there is none or it does not fit.</summary>
    public static long NumberAt(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var value = element.At(path);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : 0;
    }

    /// <summary>As <see cref="NumberAt"/>, 0 outside the range of <see cref="int"/>.</summary>
    public static int SmallNumberAt(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var number = element.NumberAt(path);
        return number is >= int.MinValue and <= int.MaxValue ? (int)number : 0;
    }

    /// <summary>Whether it says true there.</summary>
    public static bool TrueAt(this JsonElement element, params ReadOnlySpan<string> path) => element.At(path).ValueKind == JsonValueKind.True;

    /// <summary>The time at <paramref name="path"/>: RFC 3339 or Unix seconds; null for anything else and for Go's zero time.</summary>
    public static DateTimeOffset? TimeAt(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var value = element.At(path);
        if (value.ValueKind == JsonValueKind.String)
        {
            return DateTimeOffset.TryParse(value.AsText(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) && time.Year > 1
                ? time.ToUniversalTime()
                : null;
        }
        var seconds = element.NumberAt(path);
        return seconds > 0 && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;
    }

    /// <summary>The elements of the array at <paramref name="path"/>; none for anything else.</summary>
    public static IEnumerable<JsonElement> ItemsAt(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var value = element.At(path);
        return value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : Enumerable.Empty<JsonElement>();
    }

    /// <summary>The properties of the object at <paramref name="path"/>; none for anything else.</summary>
    public static IEnumerable<JsonProperty> EntriesAt(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var value = element.At(path);
        return value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : Enumerable.Empty<JsonProperty>();
    }

    /// <summary>The array of texts at <paramref name="path"/>; a single text counts as one (podman 4 writes an entry point so).</summary>
    public static IReadOnlyList<string> TextsAt(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var value = element.At(path);
        if (value.ValueKind == JsonValueKind.String)
            return value.AsText() is { Length: > 0 } single ? [single] : [];
        return [.. value.ItemsAt().Select(AsText)];
    }

    /// <summary>The object of texts at <paramref name="path"/>; of a key given twice the last counts.</summary>
    public static IReadOnlyDictionary<string, string> TextMapAt(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var map = new Dictionary<string, string>();
        foreach (var entry in element.EntriesAt(path))
            map[NameOf(entry)] = entry.Value.AsText();
        return map;
    }

    /// <summary>The keys of the object at <paramref name="path"/>.</summary>
    public static IReadOnlyList<string> KeysAt(this JsonElement element, params ReadOnlySpan<string> path) =>
        [.. element.EntriesAt(path).Select(NameOf)];

    private static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8PropertyName(property));
        }
    }
}
