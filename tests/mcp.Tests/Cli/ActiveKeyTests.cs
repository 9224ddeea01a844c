using Mcp.Cli.Configuration;
using Mcp.Errors;

namespace Mcp.Tests.Cli;

public class ActiveKeyTests
{
    [Test]
    public async Task One_word_changes_and_comments_stay()
    {
        const string text = "# notes of the house\nname = \"notes\"  # ours\nactive   =   true # until the move\n\n[[components]]\nname = \"notes\"\n";
        await Assert.That(ActiveKey.Set(text, false, "f")).IsEqualTo(text.Replace("true #", "false #"));
        await Assert.That(ActiveKey.Set(text, true, "f")).IsEqualTo(text);
        await Assert.That(ActiveKey.Set(ActiveKey.Set(text, false, "f"), true, "f")).IsEqualTo(text);
    }

    [Test]
    public async Task An_absent_key_is_added_after_the_name_and_only_when_it_says_something()
    {
        const string text = "# notes\nname = \"notes\" # ours\ntier = \"worker\"\n\n[[components]]\nname = \"notes\"\nactive = \"not this one\"\n";
        await Assert.That(ActiveKey.Set(text, true, "f")).IsEqualTo(text);
        await Assert.That(ActiveKey.Set(text, false, "f")).IsEqualTo(text.Replace("# ours\n", "# ours\nactive = false\n"));
    }

    [Test]
    public async Task A_file_without_a_last_line_feed_or_with_other_line_ends_keeps_them()
    {
        await Assert.That(ActiveKey.Set("name = \"a\"", false, "f")).IsEqualTo("name = \"a\"\nactive = false\n");
        await Assert.That(ActiveKey.Set("name = \"a\"\r\ntier = \"core\"\r\n", false, "f")).IsEqualTo("name = \"a\"\r\nactive = false\r\ntier = \"core\"\r\n");
        await Assert.That(ActiveKey.Set("[[components]]\nname = \"a\"\n", false, "f")).IsEqualTo("active = false\n[[components]]\nname = \"a\"\n");
    }

    [Test]
    public async Task Characters_outside_of_ascii_do_not_shift_the_place()
    {
        const string text = "# Nötizen 🗒 für alle\nname = \"notes\"\nactive = true\n";
        await Assert.That(ActiveKey.Set(text, false, "f")).IsEqualTo(text.Replace("true", "false"));
    }

    [Test]
    public async Task What_is_not_toml_is_left_alone()
    {
        await Assert.That(() => ActiveKey.Set("name = = 3\n", false, "f")).Throws<McpException>();
    }
}
