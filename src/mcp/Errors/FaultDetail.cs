using Mcp.Text;
using Mcp.V1;

namespace Mcp.Errors;

/// <summary>A fault as it travels (trailer <c>mcp-error-bin</c>, operation outcomes, journals) and back.</summary>
internal static class FaultDetail
{
    /// <summary>The fault as a message; text from elsewhere is escaped here, once.</summary>
    public static ErrorDetail ToDetail(this McpException fault)
    {
        var detail = new ErrorDetail
        {
            What = Printable.Block(fault.Message),
            Node = fault.Node ?? "",
            Step = fault.Step ?? "",
            Cause = Printable.Block(fault.Cause),
            Hint = fault.Hint ?? "",
            State = fault.State ?? "",
        };
        detail.Problems.AddRange(fault.Problems.Select(p => new Problem
        {
            File = Printable.Line(p.File),
            Line = (uint)Math.Max(0, p.Line),
            Column = (uint)Math.Max(0, p.Column),
            Key = Printable.Line(p.Key),
            Message = Printable.Line(p.Message),
        }));
        return detail;
    }

    /// <summary>The message as a fault of <paramref name="code"/>.</summary>
    public static McpException ToFault(this ErrorDetail detail, FaultCode code, Exception? inner = null) => new(code, detail.What, inner)
    {
        Node = NullIfEmpty(detail.Node),
        Step = NullIfEmpty(detail.Step),
        Cause = NullIfEmpty(detail.Cause),
        Hint = NullIfEmpty(detail.Hint),
        State = NullIfEmpty(detail.State),
        Problems = [.. detail.Problems.Select(p => new TextProblem(p.File, (int)p.Line, (int)p.Column, p.Key, p.Message))],
    };

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
