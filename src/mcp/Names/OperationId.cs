using System.Diagnostics.CodeAnalysis;

namespace Mcp.Names;

/// <summary>
/// The id of one accepted change, chosen by the caller; also its idempotency key. 8 to 64 of a-z, 0-9 and '-'.
/// </summary>
internal readonly record struct OperationId
{
    private readonly string? _text;

    private OperationId(string text) => _text = text;

    /// <summary>The id as text.</summary>
    public string Value => _text ?? throw new InvalidOperationException("An uninitialised OperationId was read.");

    /// <summary>A new id that sorts by time (UUID version 7, RFC 9562).</summary>
    public static OperationId New(TimeProvider clock) => new(Guid.CreateVersion7(clock.GetUtcNow()).ToString("D"));

    /// <summary>Parses <paramref name="text"/>, or says what is wrong with it.</summary>
    public static bool TryParse(string? text, out OperationId id, [NotNullWhen(false)] out string? problem)
    {
        var good = text is { Length: >= 8 and <= 64 } && text.All(c => c is >= 'a' and <= 'z' or >= '0' and <= '9' or '-');
        problem = good ? null : "is not an operation id (8 to 64 of a-z, 0-9 and -)";
        id = good ? new OperationId(text!) : default;
        return good;
    }

    /// <summary>Parses an id that was validated before.</summary>
    /// <exception cref="FormatException">The text is not an operation id.</exception>
    public static OperationId Parse(string text) => TryParse(text, out var id, out var problem) ? id : throw new FormatException($"'{text}' {problem}");

    /// <inheritdoc/>
    public override string ToString() => Value;
}
