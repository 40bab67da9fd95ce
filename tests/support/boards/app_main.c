/* ESP-IDF's start-up on the host. */
void app_main(void);

int main(void)
{
    app_main();
    return 0;
}
