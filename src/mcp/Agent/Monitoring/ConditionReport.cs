using Mcp.Agent.Registry;
using Mcp.Alerts;

namespace Mcp.Agent.Monitoring;

/// <summary>
/// Where this node says that something began or is over: one event and, through <c>[monitor] alert_command</c>, one alert each, in one transaction, so
/// that neither a restart nor a full disk makes two of one or none. Repeating a fact costs nothing and says nothing.
/// </summary>
internal sealed partial class ConditionReport(AgentParts parts, ILogger<ConditionReport> logger)
{
    /// <summary>It is so.</summary>
    /// <exception cref="Errors.McpException">The registry cannot be written; say it again later.</exception>
    public void Begins(AlertNotice notice)
    {
        var own = notice with { Subject = notice.Subject with { Node = parts.Node } };
        if (!parts.Alerts.Open(own, connection => parts.Events.Add(connection, Event(own.Subject, Word(own.Subject.Kind), own.Severity, $"{own.Message} (next: {own.Command})"))))
            return;
        parts.Events.Wake();
        Began(own.Subject.Service, own.Subject.Kind, own.Message);
    }

    /// <summary>It is over, or was never so.</summary>
    /// <param name="subject">What; its node is this one.</param>
    /// <param name="message">What is the case now.</param>
    /// <exception cref="Errors.McpException">The registry cannot be written; say it again later.</exception>
    public void Ends(AlertSubject subject, string message)
    {
        var own = subject with { Node = parts.Node };
        if (parts.Alerts.SinceOf(own) is not { } since)
            return;
        var words = $"{message} (after {Lasted(parts.Clock.GetUtcNow() - since)})";
        if (!parts.Alerts.Close(own, connection => parts.Events.Add(connection, Event(own, Word(own.Kind) + "-over", "info", words))))
            return;
        parts.Events.Wake();
        Ended(own.Service, own.Kind, words);
    }

    /// <summary>It happened, and has no end.</summary>
    public void Happened(AlertNotice notice, NodeEvent happened)
    {
        parts.Events.Add(happened);
        parts.Alerts.Happened(notice with { Subject = notice.Subject with { Node = parts.Node } });
    }

    /// <summary>Whether it is so by the book.</summary>
    public bool IsSo(AlertSubject subject) => parts.Alerts.SinceOf(subject with { Node = parts.Node }) is not null;

    private static NodeEvent Event(AlertSubject subject, string kind, string severity, string message) =>
        new(kind, severity, message) { Service = subject.Service, Component = subject.Component };

    // Kinds of events are one word.
    private static string Word(string kind) => kind.Replace(' ', '-');

    private static string Lasted(TimeSpan span) => span switch
    {
        { TotalSeconds: < 100 } => $"{span.TotalSeconds:0} s",
        { TotalMinutes: < 100 } => $"{span.TotalMinutes:0} min",
        { TotalHours: < 48 } => $"{span.TotalHours:0} h",
        _ => $"{span.TotalDays:0} days",
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Service} {Kind}: {Problem}")]
    private partial void Began(string service, string kind, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Service} {Kind} is over: {State}")]
    private partial void Ended(string service, string kind, string state);
}
