namespace Mcp.Errors;

/// <summary>One mistake in a text that a person wrote.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="Line">From 1; 0 when it is not known.</param>
/// <param name="Column">From 1, in characters; 0 when it is not known.</param>
/// <param name="Key">The key, as <c>components[0].routes[1].mode</c>.</param>
/// <param name="Message">What is wrong and what is allowed.</param>
internal sealed record TextProblem(string File, int Line, int Column, string Key, string Message)
{
    /// <summary><c>file:line:column: key: message</c>, which editors can jump to.</summary>
    public override string ToString() =>
        (Line > 0 ? $"{File}:{Line}:{Column}: " : $"{File}: ") + (Key.Length > 0 ? $"{Key}: " : "") + Message;
}
