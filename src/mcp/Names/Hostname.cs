using System.Diagnostics.CodeAnalysis;

namespace Mcp.Names;

/// <summary>A fully qualified DNS host name in lower case without a trailing dot (RFC 1123); never an address, never a wildcard.</summary>
internal readonly record struct Hostname
{
    /// <summary>RFC 1035 §2.3.4 leaves 253 visible characters.</summary>
    public const int MaxLength = 253;

    private readonly string? _text;

    private Hostname(string text) => _text = text;

    /// <summary>The host name as text.</summary>
    public string Value => _text ?? throw new InvalidOperationException("An uninitialised Hostname was read.");

    /// <summary>Parses <paramref name="text"/>, or says what is wrong with it in words that follow the name.</summary>
    public static bool TryParse(string? text, out Hostname name, [NotNullWhen(false)] out string? problem)
    {
        problem = Check(text);
        name = problem is null ? new Hostname(text!) : default;
        return problem is null;
    }

    /// <summary>Parses a host name that was validated before.</summary>
    /// <exception cref="FormatException">The text is not a host name.</exception>
    public static Hostname Parse(string text) =>
        TryParse(text, out var name, out var problem) ? name : throw new FormatException($"'{text}' {problem}");

    /// <summary>Whether this name is <paramref name="domain"/> or lies under it; "evilexample.net" does not lie under "example.net".</summary>
    public bool IsWithin(string domain) =>
        Value == domain || Value.EndsWith("." + domain, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Value;

    private static string? Check(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "is empty; a host name is needed, as notes.example.org";
        if (text.Length > MaxLength)
            return $"has {text.Length} characters; a host name has at most {MaxLength}";
        if (text[^1] == '.')
            return "ends with a dot; write it without";
        if (text.Contains('*'))
            return "holds a wildcard; write one host name";
        var labels = text.Split('.');
        if (labels.Length < 2)
            return "has no dot; a fully qualified host name is needed, as notes.example.org";
        foreach (var label in labels)
        {
            if (DnsLabel.Problem(label) is { } problem)
                return $"has a label '{label}' that {problem}";
        }
        // An all-numeric last label is an IPv4 address or looks like one.
        return labels[^1].All(char.IsAsciiDigit) ? "is an address; a host name is needed" : null;
    }
}
