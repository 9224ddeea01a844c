using System.Diagnostics.CodeAnalysis;

namespace Mcp.Names;

/// <summary>The name of a service: a DNS label, parsed once and valid for ever.</summary>
internal readonly record struct ServiceName
{
    private readonly string? _text;

    private ServiceName(string text) => _text = text;

    /// <summary>The name as text; the default value has none and throws.</summary>
    public string Value => _text ?? throw new InvalidOperationException("An uninitialised ServiceName was read.");

    /// <summary>Parses <paramref name="text"/>, or says what is wrong with it in words that follow the name.</summary>
    public static bool TryParse(string? text, out ServiceName name, [NotNullWhen(false)] out string? problem)
    {
        problem = DnsLabel.Problem(text) ?? ReservedNames.ServiceProblem(text!);
        name = problem is null ? new ServiceName(text!) : default;
        return problem is null;
    }

    /// <summary>Parses a name that was validated before.</summary>
    /// <exception cref="FormatException">The text is not a valid name.</exception>
    public static ServiceName Parse(string text) =>
        TryParse(text, out var name, out var problem) ? name : throw new FormatException($"'{text}' {problem}");

    /// <inheritdoc/>
    public override string ToString() => Value;
}
