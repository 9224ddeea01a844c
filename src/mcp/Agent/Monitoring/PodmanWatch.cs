using Mcp.Alerts;
using Mcp.Podman;

namespace Mcp.Agent.Monitoring;

/// <summary>Whether podman answers: one event when it is lost, one when it is back, and one when it came back as another version.</summary>
internal sealed class PodmanWatch(AgentParts parts, ConditionReport report)
{
    /// <summary>The kind of its alert.</summary>
    public const string Unreachable = "podman unreachable";

    private static readonly AlertSubject Subject = new(Unreachable, "");

    private string? _version;

    /// <summary>Why podman cannot be asked at the moment; null while it answers.</summary>
    public string? Problem { get; private set; }

    /// <summary>A look failed.</summary>
    public void Lost(PodmanException e)
    {
        Problem = e.Message;
        report.Begins(new AlertNotice(Subject, "error", $"podman does not answer: {e.Message}", "systemctl status podman.socket; podman info"));
    }

    /// <summary>A look at everything succeeded. Meanwhile podman may have become another one.</summary>
    /// <exception cref="PodmanException">It does not answer after all.</exception>
    public async Task AnswersAsync(CancellationToken ct)
    {
        // A node without services has nothing else to ask.
        var version = await parts.Podman.PingAsync(ct);
        if (version.Length > 0)
        {
            if (_version is not null && version != _version)
                parts.Events.Add(new Registry.NodeEvent("podman-changed", "info", $"podman is {Text.Printable.Line(version, 40)} now; it was {Text.Printable.Line(_version, 40)}"));
            _version = version;
        }
        Problem = null;
        report.Ends(Subject, "podman answers again");
    }
}
