using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Mcp.Definitions;

/// <summary>An image reference, parsed as the distribution specification writes it: <c>[registry[:port]/]name[:tag][@sha256:…]</c>.</summary>
/// <param name="Repository">Registry and name, without tag and digest.</param>
/// <param name="Tag">"" when there is none.</param>
/// <param name="Digest"><c>sha256:…</c>; "" when there is none.</param>
internal sealed partial record ImageReference(string Repository, string Tag, string Digest)
{
    private const int MaxLength = 512;

    /// <summary>Parses a reference; any tag is accepted here (see <see cref="PinProblem"/>).</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ImageReference? reference, [NotNullWhen(false)] out string? problem)
    {
        reference = null;
        problem = null;
        if (text.Length == 0)
            problem = "is missing; an image is written as \"registry.example.net/notes:v1.2.0\"";
        else if (text.Length > MaxLength || !Form().IsMatch(text))
            problem = DigestProblem(text) ?? $"\"{text}\" is not an image reference; it is written as \"registry.example.net/notes:v1.2.0\" or with @sha256:<64 hex digits>";
        else
        {
            var match = Form().Match(text);
            reference = new ImageReference(match.Groups["repository"].Value, match.Groups["tag"].Value, match.Groups["digest"].Value);
        }
        return reference is not null;
    }

    /// <summary>Says why the reference does not name one version, or null: a moving tag would make every node run something else.</summary>
    public string? PinProblem =>
        Digest.Length > 0 || Tag is not ("" or "latest") ? null
        : Tag.Length == 0 ? "has no tag; write a tag other than latest, or a digest"
        : "has the tag latest, which means another image every day; write a tag other than latest, or a digest";

    /// <summary>The reference of exactly this content: repository and digest, without the tag.</summary>
    public string ByDigest(string digest) => $"{Repository}@{digest}";

    /// <inheritdoc/>
    public override string ToString() => Repository + (Tag.Length > 0 ? ":" + Tag : "") + (Digest.Length > 0 ? "@" + Digest : "");

    private static string? DigestProblem(string text)
    {
        var at = text.IndexOf('@');
        return at < 0 || Digits().IsMatch(text[(at + 1)..]) ? null : "has a digest that is not sha256: and 64 hex digits in lower case";
    }

    // No part of this can backtrack over another: separators and letters are disjoint. (RegexOptions.NonBacktracking would link the whole
    // interpreting engine, a third of a megabyte, instead of the code generated here.)
    [GeneratedRegex(@"^(?<repository>(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::[0-9]{1,5})?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)(?::(?<tag>[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}))?(?:@(?<digest>sha256:[a-f0-9]{64}))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();

    [GeneratedRegex(@"^sha256:[a-f0-9]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Digits();
}
