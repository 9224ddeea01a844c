using System.Diagnostics.CodeAnalysis;
using System.Text;
using Mcp.Text;

namespace Mcp.Definitions;

/// <summary>
/// A file of a service as a person names it: <c>conf/app.toml</c>, or <c>/srv/&lt;service&gt;/conf/app.toml</c>. Words only; that no link on the
/// node leads elsewhere is seen to where the file is opened.
/// </summary>
/// <param name="Service">The service.</param>
/// <param name="Parts">The names from the service's folder down to the file; at least one.</param>
internal sealed record ServicePath(string Service, IReadOnlyList<string> Parts)
{
    /// <summary>The marker of a service's data, which only the agent writes.</summary>
    private const string Marker = ".mcp-owner";

    // Linux allows 255 bytes a name and 4096 a path; nothing sensible lies deeper than this.
    private const int MostNameBytes = 255, MostBytes = 2048, MostParts = 32;

    /// <summary>The file's own name.</summary>
    public string Name => Parts[^1];

    /// <summary>Below the service's folder.</summary>
    public string Relative => string.Join('/', Parts);

    /// <summary>As definitions write it.</summary>
    public string Logical => $"/srv/{Service}/{Relative}";

    /// <summary>Reads <paramref name="text"/>, or says what is wrong with it in words that follow the path.</summary>
    public static bool TryParse(string service, string text, [NotNullWhen(true)] out ServicePath? path, [NotNullWhen(false)] out string? problem)
    {
        path = null;
        var own = $"/srv/{service}/";
        var relative = text.StartsWith(own, StringComparison.Ordinal) ? text[own.Length..] : text;
        problem = relative.Length == 0 ? "names no file"
            : relative[0] == '/' ? $"does not lie in the service's directory {own}"
            : relative[^1] == '/' ? "names a directory; name the file in it"
            : Encoding.UTF8.GetByteCount(relative) > MostBytes ? $"has more than {MostBytes} bytes"
            : null;
        if (problem is not null)
            return false;
        var parts = relative.Split('/');
        problem = parts.Length > MostParts ? $"is deeper than {MostParts} directories" : parts.Select(Problem).FirstOrDefault(p => p is not null);
        if (problem is not null)
            return false;
        path = new ServicePath(service, parts);
        return true;
    }

    private static string? Problem(string part) =>
        part.Length == 0 ? "has an empty part (//)"
        : part is "." or ".." ? $"has the part '{part}'; write the path without it"
        : part.Any(char.IsControl) ? $"has a control character in '{Printable.Line(part, 80)}'"
        : part == Marker ? $"is {Marker}, which says whose data this is; only the agent writes it (mcp data accept)"
        : Encoding.UTF8.GetByteCount(part) > MostNameBytes ? $"has a name of more than {MostNameBytes} bytes"
        : null;
}
