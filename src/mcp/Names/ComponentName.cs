using System.Diagnostics.CodeAnalysis;

namespace Mcp.Names;

/// <summary>The name of a component of a service: a DNS label, parsed once and valid for ever.</summary>
internal readonly record struct ComponentName
{
    private readonly string? _text;

    private ComponentName(string text) => _text = text;

    /// <summary>The name as text; the default value has none and throws.</summary>
    public string Value => _text ?? throw new InvalidOperationException("An uninitialised ComponentName was read.");

    /// <summary>Parses <paramref name="text"/>, or says what is wrong with it in words that follow the name.</summary>
    public static bool TryParse(string? text, out ComponentName name, [NotNullWhen(false)] out string? problem)
    {
        problem = DnsLabel.Problem(text) ?? ReservedNames.VerbProblem(text!);
        name = problem is null ? new ComponentName(text!) : default;
        return problem is null;
    }

    /// <summary>Parses a name that was validated before.</summary>
    /// <exception cref="FormatException">The text is not a valid name.</exception>
    public static ComponentName Parse(string text) =>
        TryParse(text, out var name, out var problem) ? name : throw new FormatException($"'{text}' {problem}");

    /// <inheritdoc/>
    public override string ToString() => Value;
}
