using Mcp.Alerts;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>
/// Brings the alerts to what the ledger says, after each look. All that is open is stated every time: the book changes nothing by what it knows
/// already, and so a kill between the ledger's commit and this is made up for at the next look.
/// </summary>
internal sealed class FindingAlerts(AlertBook book)
{
    /// <summary>States what is open and what is not any more.</summary>
    public void Tell(FindingChanges changes)
    {
        var open = new HashSet<AlertSubject>();
        foreach (var finding in changes.Open)
        {
            open.Add(SubjectOf(finding));
            book.Open(new AlertNotice(SubjectOf(finding), finding.Severity, finding.Message, finding.Command));
        }
        foreach (var (notice, _) in book.OpenNow().Where(o => !open.Contains(o.Notice.Subject)))
            book.Close(notice.Subject);
    }

    private static AlertSubject SubjectOf(Finding finding) => new(finding.Kind, finding.Node, finding.Service);
}
